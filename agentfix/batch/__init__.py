"""Many tasks, on one machine or many: each is answered once, whatever is killed meanwhile.

A driver hands out tasks to the workers of an engine, and adds results to a file as they are finished. `LocalEngine`
answers in this process; `agentfix.batch.ray.RayEngine` in processes on this machine or the nodes of a Ray cluster.
"""

from __future__ import annotations

from agentfix.batch.batches import Batch as Batch
from agentfix.batch.engine import Answered as Answered
from agentfix.batch.engine import Broken as Broken
from agentfix.batch.engine import Engine as Engine
from agentfix.batch.engine import Job as Job
from agentfix.batch.engine import Lost as Lost
from agentfix.batch.engine import News as News
from agentfix.batch.engine import Noticed as Noticed
from agentfix.batch.engine import Ready as Ready
from agentfix.batch.engine import Unrecorded as Unrecorded
from agentfix.batch.local import LocalEngine as LocalEngine
from agentfix.batch.tally import Limits as Limits
from agentfix.batch.tally import Tally as Tally
from agentfix.batch.tasks import BatchTask as BatchTask
from agentfix.batch.tasks import read_tasks as read_tasks

__all__ = ["Answered", "Batch", "BatchTask", "Broken", "Engine", "Job", "Limits", "LocalEngine", "Lost", "News",
           "Noticed", "Ready", "Tally", "Unrecorded", "read_tasks"]
