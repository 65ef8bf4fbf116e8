import pytest

from proxier.errors import BusyError
from proxier.limits import Limits


def test_a_vnode_serves_so_many_and_no_more() -> None:
    limits = Limits(per_vnode=1, per_user=10)
    with limits.room_for("v1", "a"):
        with pytest.raises(BusyError) as error, limits.room_for("v1", "b"):
            pass
        with limits.room_for("v2", "b"):
            pass
    assert error.value.status == 429


def test_a_user_has_so_many_and_no_more() -> None:
    limits = Limits(per_vnode=10, per_user=1)
    with limits.room_for("v1", "a"), pytest.raises(BusyError), limits.room_for("v2", "a"):
        pass


def test_a_place_is_free_again_afterwards() -> None:
    limits = Limits(per_vnode=1, per_user=1)
    with pytest.raises(KeyError), limits.room_for("v1", "a"):
        raise KeyError
    with limits.room_for("v1", "a"):
        pass
