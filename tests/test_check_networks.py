"""Gradients of random networks over the whole set of nodes, against numerical differences."""

from hypothesis import HealthCheck, given, settings
from strategies import SIZES, networks

from symgrad.check import check

RANDOM = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@RANDOM
@given(networks())
def test_gradients_of_random_networks(net):
    report = check(net, sizes={d: SIZES[d] for d in net.dims})
    assert report, f"{net}\n{report}"
