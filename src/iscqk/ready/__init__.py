"""The ready model's files, in `model`; `iscqk.models.ready` says where they are."""
