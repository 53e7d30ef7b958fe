"""Figures that stay few whatever is asked."""

from __future__ import annotations

import pytest

from satseek.jobs.protocol import TASKS
from satseek.jobs.working import ENDINGS
from satseek.search.searching import Answer
from satseek.service.metrics import Metrics, Stocks, plan_name
from satseek.service.upkeep import Upkeep


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ("exact scan of 312 chips in memory", "exact scan"),
        ("exact scan of 98 chips", "exact scan"),
        ("fast scan (PQ192x4fs), 320 refined", "fast scan"),
        ("", "unknown"),
        ("17", "unknown"),
    ],
)
def test_plans_are_cut_to_their_kind(plan: str, expected: str) -> None:
    assert plan_name(plan) == expected


def test_figures_are_written() -> None:
    metrics = Metrics()
    metrics.count_request(method="GET", route="/v1/search", status=200, seconds=0.03)
    metrics.count_search(Answer(hits=(), plan="exact scan of 3", generation=1, seconds=0.01))
    text = metrics.write(
        stocks=Stocks(chips={"county": 12}), model="satseek-starter@0123456789ab"
    ).decode()
    assert (
        'satseek_requests_total{door="http",method="GET",route="/v1/search",status="200"} 1.0'
        in text
    )
    assert (
        'satseek_request_duration_seconds_bucket{door="http",le="0.04",route="/v1/search"} 1.0'
        in text
    )
    assert 'satseek_searches_total{plan="exact scan"} 1.0' in text
    assert 'satseek_chips{collection="county"} 12.0' in text
    assert "satseek_ready 1.0" in text
    assert 'satseek_model_info{name="satseek-starter",version="0123456789ab"} 1.0' in text


def test_only_the_model_in_force_has_a_line() -> None:
    metrics = Metrics()
    assert "satseek_ready 0.0" in metrics.write(stocks=Stocks(chips={}), model="").decode()
    metrics.count_swap("done")
    metrics.write(stocks=Stocks(chips={}), model="first@1")
    metrics.count_swap("done")
    metrics.count_swap("refused")
    text = metrics.write(stocks=Stocks(chips={}), model="odd@name@2").decode()
    assert "first" not in text
    assert 'satseek_model_info{name="odd@name",version="2"} 1.0' in text
    assert 'satseek_model_swaps_total{outcome="done"} 2.0' in text
    assert 'satseek_model_swaps_total{outcome="refused"} 1.0' in text


def test_a_collection_that_is_gone_has_no_figure() -> None:
    metrics = Metrics()
    metrics.write(stocks=Stocks(chips={"old": 1}), model="")
    assert "old" not in metrics.write(stocks=Stocks(chips={}), model="").decode()


def test_tries_of_jobs_begin_at_nothing_and_are_counted_by_their_ending() -> None:
    metrics = Metrics()
    before = metrics.write(stocks=Stocks(), model="").decode()
    for task in TASKS:
        for ending in ENDINGS:
            assert f'satseek_job_tries_total{{ending="{ending}",task="{task}"}} 0.0' in before
    metrics.on_try("index", "failed", 12.0)
    text = metrics.write(stocks=Stocks(), model="").decode()
    assert 'satseek_job_tries_total{ending="failed",task="index"} 1.0' in text
    assert 'satseek_job_try_duration_seconds_bucket{le="10.0",task="index"} 0.0' in text
    assert 'satseek_job_try_duration_seconds_bucket{le="60.0",task="index"} 1.0' in text


def test_both_redis_and_a_refused_model_are_told_where_there_are_such() -> None:
    metrics = Metrics()
    text = metrics.write(stocks=Stocks(), model="a@1").decode()
    assert "satseek_model_refused 0.0" in text
    assert "satseek_redis_up{" not in text
    stocks = Stocks(redis=True, upkeep=Upkeep(queue_up=False))
    text = metrics.write(stocks=stocks, model="a@1", refused=True).decode()
    assert "satseek_model_refused 1.0" in text
    assert 'satseek_redis_up{server="cache"} 1.0' in text
    assert 'satseek_redis_up{server="queue"} 0.0' in text


def test_rows_and_dead_ones_are_told() -> None:
    stocks = Stocks(rows={"county": 10}, dead_rows={"county": 3})
    text = Metrics().write(stocks=stocks, model="").decode()
    assert 'satseek_rows{collection="county"} 10.0' in text
    assert 'satseek_dead_rows{collection="county"} 3.0' in text
