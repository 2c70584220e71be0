"""Workers that wait for a place: why, and whether for ever."""

from __future__ import annotations

import pytest

from agentfix import AgentFixError
from agentfix.batch.placing import require_node, why_unplaced


def node(cores, name="n", *, alive=True):
    return {"NodeID": name, "Alive": alive, "Resources": {"CPU": cores} if cores else {}}


def test_a_cluster_whose_cores_are_all_used_is_waited_for():
    assert why_unplaced([node(4.0)], 0.0) == (
        "no worker could be placed: 1 CPU each is wanted, the cluster has 0 free")
    assert why_unplaced([node(4.0)], 1.0) == ""


@pytest.mark.parametrize("nodes", [[node(0)], [node(8.0, alive=False), node(0)], [node(0.5), node(0.5)]])
def test_one_that_never_has_a_core_is_not(nodes):
    with pytest.raises(AgentFixError, match="1 CPU each is wanted, the cluster has 0 free, and") as error:
        why_unplaced(nodes, 0.0)
    assert error.value.exit_status == 2


def test_a_dead_node_of_this_machine_ends_the_waiting():
    require_node([node(1.0), node(1.0, "other", alive=False)], "n")
    for nodes in ([node(1.0, alive=False), node(1.0, "other")], []):
        with pytest.raises(AgentFixError, match="Ray has died on this machine") as error:
            require_node(nodes, "n")
        assert error.value.exit_status == 2
