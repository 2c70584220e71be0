"""Programs that try to do harm, with what must be told of each: a table a family."""

from tests.sandbox.hostile import (
    disk,
    endings,
    forgery,
    interpreter,
    kernel,
    memory,
    network,
    output,
    poison,
    processes,
    system,
)

FAMILIES = {
    module.__name__.rpartition(".")[2]: module.PROGRAMS
    for module in (processes, memory, disk, output, endings, interpreter, kernel, system, network, poison, forgery)
}
