"""Names of networks that timm has."""

import pytest

from iscqk.models.timm_adapter import timm
from iscqk.models.timm_names import refuse_unknown_network


@pytest.mark.long
def test_every_network_of_timm_and_every_older_name_is_known():
    for name in (*timm.list_models(), *timm.models._registry._deprecated_models):
        refuse_unknown_network(name, "model.backbone")
