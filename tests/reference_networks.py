"""Small modules of the same keys, shapes and arithmetic as networks that others have published."""

import torch
import torchvision
from torch import nn
from torch.nn import functional


def random_statistics(network, seed=0):
    """Return a network in evaluation mode whose every number is its own, norms' statistics too."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
        elif tensor.ndim == 1 and tensor.is_floating_point():
            tensor.copy_(tensor + 0.1 * torch.randn(tensor.shape, generator=generator))
    return network.eval()


class LookedAt(nn.Module):
    """Convolutions with norms after them, of which only the first may go into what it follows."""

    def __init__(self):
        super().__init__()
        self.plain, self.plain_norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.crossed, self.crossed_norm = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)
        self.shared, self.shared_norm = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)
        self.looked_at, self.looked_at_norm = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)
        self.listed, self.listed_norm = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)
        self.idle, self.idle_norm = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)
        self.named, self.named_norm = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)
        self.one, self.norm_of_two = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)
        self.other = nn.Conv2d(8, 8, 1)
        self.bare, self.bare_norm = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8, affine=False)
        self.now = nn.Conv2d(8, 8, 1)
        self.norm_of_now = nn.BatchNorm2d(8, track_running_stats=False)

    def forward_features(self, images):
        x = self.plain_norm(self.plain(images)).relu()
        x = self.crossed(self.crossed_norm(x)).relu()
        x = self.shared_norm(self.shared(x)) + self.shared(x)
        raw = self.looked_at(x)
        x = self.looked_at_norm(raw) * raw.sigmoid()
        x = self.norm_of_two(self.one(x)) + self.norm_of_two(self.other(x))
        x = self.norm_of_now(self.now(self.bare_norm(self.bare(x))))
        raw = self.named(x)
        x = torch.add(self.named_norm(raw), other=raw)
        raw = self.listed(x)
        return torch.cat([self.listed_norm(raw), raw], dim=1)


class Gem(nn.Module):
    def forward(self, x):
        return x.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)


class TorchvisionSscd(nn.Module):
    """SSCD's `TV_RESNET50`: GeM in the place of the average, `fc` as the head."""

    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet50(num_classes=512)
        self.backbone.avgpool = Gem()

    def forward(self, x):
        return functional.normalize(self.backbone(x))


class ClassyBottleneck(nn.Module):
    def __init__(self, inputs, outputs, stride, groups, width):
        super().__init__()
        self.convolutional_block = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, outputs, 1, bias=False),
        )
        self.bn = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return functional.relu(self.bn(self.convolutional_block(x)) + shortcut)


class Attachable(nn.Module):
    """Classy Vision's wrapper, by which a block is called `block0-0.`."""

    def __init__(self, name, block):
        super().__init__()
        self.name = name
        self.add_module(name, block)

    def forward(self, x):
        return getattr(self, self.name)(x)


class ClassyBackbone(nn.Module):
    def __init__(self, depths, groups, base):
        super().__init__()
        self.initial_block = nn.Module()
        stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        self.initial_block._module = nn.Sequential(*stem, nn.MaxPool2d(3, 2, 1))
        stages, inputs = [], 64
        for number, depth in enumerate(depths):
            outputs, width, blocks = 256 * 2**number, base * groups * 2**number, []
            for place in range(depth):
                stride = 2 if number and not place else 1
                block = ClassyBottleneck(inputs, outputs, stride, groups, width)
                blocks.append(Attachable(f"block{number}-{place}", block))
                inputs = outputs
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)

    def forward(self, x):
        return self.blocks(self.initial_block._module(x))


class ClassySscd(nn.Module):
    """SSCD's `CV_RESNET50`, or with 32 groups of 4 the trunk of `sscd_disc_large`."""

    def __init__(self, depths, groups=1, base=64, size=512):
        super().__init__()
        self.backbone = ClassyBackbone(depths, groups, base)
        self.embeddings = nn.Sequential(Gem(), nn.Linear(2048, size))

    def forward(self, x):
        return functional.normalize(self.embeddings(self.backbone(x)))


class VitBlock(nn.Module):
    """A block of DINO's; of DINOv2's with scales."""

    def __init__(self, size, heads, scaled):
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(size, eps=1e-6) for _ in range(2))
        self.attn = nn.Module()
        self.attn.qkv, self.attn.proj = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.mlp = nn.Module()
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)
        self.heads, self.scaled = heads, scaled
        for name in ("ls1", "ls2") if scaled else ():
            scale = nn.Module()
            scale.gamma = nn.Parameter(torch.rand(size))
            self.add_module(name, scale)

    def forward(self, x):
        batch, places, size = x.shape
        qkv = self.attn.qkv(self.norm1(x)).reshape(batch, places, 3, self.heads, -1)
        seen = functional.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4))
        seen = self.attn.proj(seen.transpose(1, 2).reshape(batch, places, size))
        x = x + (self.ls1.gamma * seen if self.scaled else seen)
        made = self.mlp.fc2(functional.gelu(self.mlp.fc1(self.norm2(x))))
        return x + (self.ls2.gamma * made if self.scaled else made)


class Dino(nn.Module):
    """DINO's ViT, or DINOv2's: with scales, registers, and a mask token that images do not need."""

    def __init__(self, image, patch, size=192, heads=3, depth=12, version=1, registers=0):
        super().__init__()
        self.cls_token = nn.Parameter(torch.randn(1, 1, size))
        self.pos_embed = nn.Parameter(torch.randn(1, 1 + (image // patch) ** 2, size))
        if version == 2:
            self.mask_token = nn.Parameter(torch.zeros(1, size))
        if registers:
            self.register_tokens = nn.Parameter(torch.randn(1, registers, size))
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, size, patch, patch)
        self.blocks = nn.Sequential(*(VitBlock(size, heads, version == 2) for _ in range(depth)))
        self.norm = nn.LayerNorm(size, eps=1e-6)

    def forward(self, x):
        places = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), places], 1) + self.pos_embed
        if hasattr(self, "register_tokens"):
            registers = self.register_tokens.expand(len(x), -1, -1)
            x = torch.cat([x[:, :1], registers, x[:, 1:]], 1)
        return functional.normalize(self.norm(self.blocks(x))[:, 0])
