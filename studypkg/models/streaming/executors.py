"""Who does the work of the partitions: this process, a pool, or a Dask cluster."""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from studypkg.errors import ConfigError

Context = TypeVar("Context")
Result = TypeVar("Result")
Files = tuple[str, ...]
# Work handed out ahead of what has been taken back: enough to keep many workers busy.
_AHEAD = 64


class Workers:
    """Hands partitions to whoever works on them and takes the results back in the partitions' order.

    Parameters
    ----------
    executor
        None, anything with ``submit`` as in `concurrent.futures`, or a Dask client.
    """

    def __init__(self, executor: Any) -> None:
        self.executor = executor

    def each(
        self, work: Callable[[Context, Files], Result], context: Context, partitions: Sequence[Files]
    ) -> Iterator[Result]:
        """Yield ``work(context, files)`` for every partition, in their order."""
        if self.executor is None:
            for files in partitions:
                yield work(context, files)
            return
        sent: Any = context
        settings: dict[str, Any] = {}
        if hasattr(self.executor, "scatter"):
            # A Dask client: the context travels once, and the same call may be made twice.
            sent = self.executor.scatter(context, broadcast=True, hash=False)
            settings = {"pure": False}
        waiting: deque[Any] = deque()
        left = iter(partitions)
        for files in left:
            waiting.append(self.executor.submit(work, sent, files, **settings))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def workers(executor: Any) -> Iterator[Workers]:
    """Make workers of what the user gave; a connection that was opened here is closed here.

    Parameters
    ----------
    executor
        None for this process, a `concurrent.futures.Executor`, a Dask client, or the address of a Dask
        scheduler such as ``tcp://10.0.0.5:8786``.

    Raises
    ------
    ConfigError
        If it is none of these, the address does not answer, or ``distributed`` is not installed.
    """
    if isinstance(executor, str):
        client = _client(executor)
        try:
            yield Workers(client)
        finally:
            client.close()
    elif executor is None or callable(getattr(executor, "submit", None)):
        yield Workers(executor)
    else:
        raise ConfigError(
            f"The executor is a {type(executor).__name__}: give an executor of concurrent.futures, a Dask "
            'client, or the address of a Dask scheduler such as "tcp://10.0.0.5:8786".'
        )


def _client(address: str) -> Any:
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise ConfigError(
            'The address of a cluster needs the package "distributed": install studypkg[cluster].'
        ) from None
    try:
        return distributed.Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError, TimeoutError):
        raise ConfigError(f'No Dask scheduler answers at "{address}".') from None
