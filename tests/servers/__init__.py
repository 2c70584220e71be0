"""Tests against OpenAI-compatible servers that other people wrote."""

from tests.servers.litellm import LITELLM
from tests.servers.llama_cpp_python import LLAMA_CPP_PYTHON
from tests.servers.xllamacpp import XLLAMACPP

SERVERS = (LLAMA_CPP_PYTHON, XLLAMACPP, LITELLM)
"""In the order in which they can be started: the last stands before the one before it."""
