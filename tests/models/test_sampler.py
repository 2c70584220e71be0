"""Drawing a token from little more than the tokens that can be drawn is the same choice as from all of them."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")
llama_cpp = pytest.importorskip("llama_cpp")

from agentfix.models.llamacpp.sampler import Candidates, Sampler  # noqa: E402

VOCABULARY = 50_000
KEPT = 40


def _chain(seed):
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    for stage in (llama_cpp.llama_sampler_init_top_k(KEPT), llama_cpp.llama_sampler_init_top_p(0.95, 1),
                  llama_cpp.llama_sampler_init_temp(1.2), llama_cpp.llama_sampler_init_dist(seed)):
        llama_cpp.llama_sampler_chain_add(chain, stage)
    return chain


def _rows(spread):
    return [(np.random.default_rng(row).standard_normal(VOCABULARY) * spread).astype("f4") for row in range(30)]


@pytest.mark.parametrize("spread", [0.1, 3, 40], ids=["flat", "usual", "steep"])
def test_the_few_likeliest_give_the_draws_of_all(monkeypatch, spread):
    whole, rows = _chain(5), _rows(spread)

    def among_all(logits):
        candidates = Candidates(logits)
        candidates.apply(whole)
        llama_cpp.llama_sampler_accept(whole, candidates.chosen)
        return candidates.chosen

    sampler = Sampler(_chain(5), None, among=KEPT)
    monkeypatch.setattr("agentfix.models.llamacpp.sampler.logits_of", lambda _ctx, row, _size: rows[row])
    drawn = [sampler.draw(None, row, VOCABULARY) for row in range(len(rows))]
    assert drawn == [among_all(logits) for logits in rows]
    assert len(set(drawn)) > 1
    sampler.free()
    llama_cpp.llama_sampler_free(whole)
