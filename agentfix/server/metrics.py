"""What the server counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from agentfix.server.pieces import Answer

ROUTES = ("/v1/chat/completions", "/v1/responses", "/v1/models", "/openapi.json", "/health", "/metrics")
SECONDS = (0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The counts of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter("agentfix_requests", "Requests answered; status 0 where the client had hung up.",
                                 ("route", "status"), registry=self._registry)
        self._seconds = Histogram("agentfix_request_seconds", "How long requests took.", ("route",), buckets=SECONDS,
                                  registry=self._registry)
        self._tokens = Counter("agentfix_tokens", "Tokens of answers that were given.", ("sort",),
                               registry=self._registry)
        self._answers = Counter("agentfix_answers", "Checked answers, by the class of evidence that supports them.",
                                ("supported_by",), registry=self._registry)
        self._under_way = Gauge("agentfix_under_way", "Requests that are being answered.", registry=self._registry)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request that has ended.

        Args:
            path: that was asked for.
            status: of the answer; 0 for none.
            seconds: it took.
        """
        route = next((known for known in ROUTES if path == known or path.startswith(f"{known}/")), "other")
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def given(self, answer: Answer) -> None:
        """Count an answer."""
        usage = answer.usage
        self._tokens.labels("prompt").inc(usage.prompt_tokens - usage.cached_prompt_tokens)
        self._tokens.labels("cached").inc(usage.cached_prompt_tokens)
        self._tokens.labels("completion").inc(usage.completion_tokens)
        if not answer.extension.get("direct"):
            self._answers.labels(str(answer.extension.get("supported_by") or "nothing")).inc()

    def told(self, under_way: int) -> bytes:
        """All counts, as Prometheus reads them."""
        self._under_way.set(under_way)
        return generate_latest(self._registry)
