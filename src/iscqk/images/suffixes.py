"""How files of pictures are named, in small letters."""

# All under which Pillow knows the formats that are opened.
SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif"),
    *(".tif", ".tiff", ".avif", ".avifs"),
}
# Pictures all the same, which must not be passed over without a word.
NOT_OPENED = {
    *(".heic", ".heif", ".hif", ".jxl", ".jp2", ".j2k", ".j2c", ".jpf", ".jpx", ".psd", ".svg"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".ico", ".exr", ".hdr", ".eps", ".pdf", ".psb"),
    *(".dds", ".sgi", ".pcx", ".qoi", ".xcf"),
    # As cameras take them.
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw", ".rwl"),
    *(".raw", ".3fr", ".iiq", ".nrw", ".kdc", ".dcr", ".erf", ".mef", ".mos", ".sr2", ".srf"),
    *(".x3f", ".mrw", ".fff"),
}
# Archives, in which no picture is looked at.
PACKED = {
    *(".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".zst", ".tzst"),
    *(".zip", ".7z", ".rar"),
}
