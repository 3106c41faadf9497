"""What is known of the node's pods follows the API server, through everything that it may do."""

from __future__ import annotations

import asyncio
import gc
import logging
from pathlib import Path

import pytest

from tests.components.collectors.kube_api import KubeApi, failure, namespace, pod
from tests.components.collectors.kube_cluster import kubeconfig, on_loop, until, watching
from tests.components.fakes import SetClock
from wlf.components.collectors._kubernetes import api, asking
from wlf.components.collectors._kubernetes import cluster as clusters
from wlf.components.collectors._kubernetes import watching as loops
from wlf.components.collectors._kubernetes.paths import LogPath
from wlf.components.collectors._kubernetes.pods import Known
from wlf.errors import SetupError


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries again at once: nothing here is about how long it waits."""
    monkeypatch.setattr(loops, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(loops, "LAST_DELAY", 0.05)
    monkeypatch.setattr(asking, "RETRY_SECONDS", 0.01)


@on_loop
async def test_pods_of_this_node_are_listed_in_pages_and_then_watched(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.page_objects = 3
        server.put(*(pod(f"web-{number}", f"u{number}") for number in range(10)))
        server.put(pod("elsewhere", "other", node="n2"))
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: server.watches == 1)
            assert len(seen.cluster.pods) == 10
            assert seen.facts("other") is None
            lists = [each for each in server.asked("pods") if "watch" not in each]
            assert len(lists) == 4
            assert {each["fieldSelector"] for each in lists} == {"spec.nodeName=n1"}
            assert lists[0]["resourceVersion"] == "0", "the first list is one that costs the server little"
            server.put(pod("new", "u-new"))
            await seen.until(lambda: seen.facts("u-new") is not None)


@on_loop
async def test_new_labels_are_known_by_the_watch(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0", labels={"app": "web"}))
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: seen.labels("u0") == {"app": "web"})
            await seen.until(lambda: server.watches == 1)
            seen.take_news()
            server.put(pod("web-0", "u0", labels={"app": "shop"}))
            await seen.until(lambda: bool(seen.news))
            assert seen.take_news() == {"u0"}
            assert seen.labels("u0") == {"app": "shop"}


@on_loop
async def test_what_no_event_carries_is_no_news(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0"), pod("web-1", "u1"))
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: server.watches == 1)
            before = seen.cluster.known("u0")
            seen.take_news()
            server.put(pod("web-0", "u0", status={"phase": "Failed"}), pod("web-1", "u1", labels={"a": "b"}))
            await seen.until(lambda: bool(seen.news))
            assert seen.take_news() == {"u1"}
            assert seen.cluster.known("u0") is before


@on_loop
async def test_a_pod_made_anew_under_its_old_name_is_another_one(tmp_path: Path) -> None:
    async with KubeApi() as server:
        first, second = pod("db-0", "u1", labels={"rev": "1"}), pod("db-0", "u2", labels={"rev": "2"})
        server.put(first)
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: seen.labels("u1") == {"rev": "1"})
            server.remove(first)
            server.put(second)
            await seen.until(lambda: seen.labels("u2") == {"rev": "2"})
            assert seen.labels("u1") == {"rev": "1"}, "its last lines are still to be read"


@on_loop
async def test_who_is_gone_is_kept_for_a_while_and_then_forgotten(tmp_path: Path) -> None:
    clock = SetClock()
    async with KubeApi() as server:
        gone, also_gone = pod("a", "u1"), pod("b", "u2")
        server.put(gone, also_gone)
        async with watching(tmp_path, server, clock=clock) as seen:
            pods = seen.cluster.pods
            await seen.until(lambda: server.watches == 1)
            server.remove(gone)
            await seen.until(lambda: len(pods._gone) == 1)
            clock.now += 30
            server.put(pod("elsewhere", "other", node="n2"))
            server.compact()
            del server.objects["pods", "shop", "b"]
            server.end_watches()
            await seen.until(lambda: len(pods._gone) == 2)
            pods.forget(60)
            assert len(pods) == 2
            clock.now += 30
            pods.forget(60)
            assert seen.facts("u1") is None
            assert seen.facts("u2") is not None, "a list told that this one is gone, and later"
            clock.now += 30
            pods.forget(60, {"u2"})
            assert len(pods) == 1, "its logs are still read"
            pods.forget(60)
            assert len(pods) == 0


@on_loop
async def test_a_watch_that_ends_goes_on_where_it_was(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0"))
        async with watching(tmp_path, server) as seen:
            for number in range(1, 5):
                await seen.until(lambda: server.watches == 1)
                server.end_watches()
                await seen.until(lambda: server.watches == 0)
                server.put(pod(f"web-{number}", f"u{number}"))
                await seen.until(lambda number=number: seen.facts(f"u{number}") is not None)
            assert len([each for each in server.asked("pods") if "watch" not in each]) == 1, "nothing is listed again"


@on_loop
async def test_a_bookmark_moves_a_quiet_watch_on_so_that_it_is_not_refused_as_too_old(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0"))
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: server.watches == 1)
            for _ in range(10):
                server.put(pod("elsewhere", "other", node="n2"))
            server.bookmark()
            watch = seen.cluster._watches[0]
            await seen.until(lambda: watch._version == str(server.version))
            server.compact()
            server.end_watches()
            await seen.until(lambda: len(server.asked("pods", watch="true")) == 2)
            await seen.until(lambda: server.watches == 1)
            assert seen.errors("gone") == 0


@on_loop
async def test_gone_means_that_all_is_listed_anew(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0"))
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: server.watches == 1)
            server.put(pod("elsewhere", "other", node="n2"))
            server.compact()
            server.objects["pods", "shop", "missed"] = pod("missed", "u1")
            server.end_watches()
            await seen.until(lambda: seen.facts("u1") is not None)
            assert seen.errors("gone") == 1
            relist = [each for each in server.asked("pods") if "watch" not in each][1]
            assert "resourceVersion" not in relist, "the server's memory may be as old"


@on_loop
async def test_gone_may_also_come_as_an_event(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0"))
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: server.watches == 1)
            expired = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old", "metadata": {}}
            server._record("pods", "ERROR", {"spec": {"nodeName": "n1"}, **expired})
            await seen.until(lambda: seen.errors("gone") == 1)
            server.put(pod("web-1", "u1"))
            await seen.until(lambda: seen.facts("u1") is not None)


@on_loop
async def test_a_list_that_expires_between_two_pages_is_begun_anew(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.page_objects = 1
        server.put(pod("web-0", "u0"), pod("web-1", "u1"))
        refused = []

        def refuse(request):
            if "continue" in request.query and not refused:
                refused.append(request)
                return failure(410, "The provided continue parameter is too old")
            return None

        server.refuse = refuse
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: server.watches == 1)
            assert len(seen.cluster.pods) == 2
            assert refused


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "unauthorized"), (403, "forbidden"), (429, "too_many_requests"), (500, "refused")]
)
@on_loop
async def test_a_refusal_is_told_once_counted_and_gone_when_the_server_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int, reason: str
) -> None:
    caplog.set_level(logging.INFO, "wlf.k8s")
    async with KubeApi() as server:
        server.refuse = lambda request: failure(status, "pods is not for you")
        server.put(pod("web-0", "u0"))
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: seen.errors(reason) >= 5)
            warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
            assert warnings == [f"pods: {reason}: pods is not for you"]
            server.refuse = lambda request: None
            await seen.until(lambda: seen.facts("u0") is not None)
            assert "pods: the API server answers again" in caplog.text


@on_loop
async def test_a_quiet_watch_is_an_answer_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "wlf.k8s")
    async with KubeApi() as server, watching(tmp_path, server) as seen:
        await seen.until(lambda: server.watches == 1)
        server.refuse = lambda request: failure(403, "not any more")
        server.end_watches()
        await seen.until(lambda: seen.errors("forbidden") >= 2)
        server.refuse = lambda request: None
        await seen.until(lambda: "the API server answers again" in caplog.text)


@on_loop
async def test_a_server_that_asks_for_time_is_given_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def note(self: loops.Watch, at_least: float) -> None:
        waited.append(at_least)
        await asyncio.sleep(0)

    monkeypatch.setattr(loops.Watch, "_back_off", note)
    async with KubeApi() as server:
        server.refuse = lambda request: failure(429, "later", Retry_After="7")
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: len(waited) > 1)
    assert set(waited) == {7.0}


@on_loop
async def test_a_server_that_is_not_there_is_found_when_it_comes(tmp_path: Path) -> None:
    server = KubeApi()
    await server.start()
    await server.stop()
    async with watching(tmp_path, server) as seen:
        await seen.until(lambda: seen.errors("unreachable") >= 2)
        server.put(pod("web-0", "u0"))
        async with server:
            await seen.until(lambda: seen.facts("u0") is not None)
        before = seen.errors("unreachable")
        await seen.until(lambda: seen.errors("unreachable") > before)
        assert seen.facts("u0") is not None, "what was known stays known"


@on_loop
async def test_a_server_that_does_not_answer_is_given_up_and_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "ANSWER_SECONDS", 0.05)
    async with KubeApi() as server:
        server.put(pod("web-0", "u0"))
        server.stalled.clear()
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: seen.errors("unreachable") >= 2)
            server.stalled.set()
            await seen.until(lambda: seen.facts("u0") is not None)


@on_loop
async def test_a_watch_whose_connection_died_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "WATCH_SECONDS", (0, 0))
    monkeypatch.setattr(loops, "QUIET_SECONDS", 0.1)
    async with KubeApi() as server, watching(tmp_path, server) as seen:
        await seen.until(lambda: seen.errors("unreachable") >= 2)
        server.put(pod("web-0", "u0"))
        await seen.until(lambda: seen.facts("u0") is not None)


@on_loop
async def test_a_token_that_was_rotated_is_read_again(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    async with KubeApi() as server:
        server.token = "first"
        server.put(pod("web-0", "u0"))
        async with watching(tmp_path, server, user={"tokenFile": str(token)}) as seen:
            await seen.until(lambda: server.watches == 1)
            token.write_text("second\n")
            server.token = "second"
            server.put(pod("web-1", "u1"))
            server.compact()
            server.end_watches()
            server.put(pod("web-2", "u2"))
            await seen.until(lambda: seen.facts("u2") is not None)
            assert seen.errors("unauthorized") == 0


@on_loop
async def test_a_token_that_is_gone_for_a_moment_stops_nothing(tmp_path: Path) -> None:
    token = tmp_path / "token"
    async with KubeApi() as server:
        server.token = "first"
        server.put(pod("web-0", "u0"))
        async with watching(tmp_path, server, user={"tokenFile": str(token)}) as seen:
            await seen.until(lambda: seen.errors("unreachable") >= 1)
            token.write_text("first")
            await seen.until(lambda: seen.facts("u0") is not None)


@on_loop
async def test_an_object_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("a-odd", "u0", labels={"app": 7}), pod("web", "u1"))
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: server.watches == 1)
            assert seen.facts("u1") is not None
            assert seen.errors("malformed") == 1
            server.put(pod("b-odd", "u2", labels={"app": 7}), pod("web-2", "u3"))
            await seen.until(lambda: seen.facts("u3") is not None)


@on_loop
async def test_namespaces_are_asked_for_only_where_their_labels_are(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web", "u0"), namespace("shop", team="a"))
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: server.watches == 1)
        assert server.asked("namespaces") == []
        async with watching(tmp_path, server, namespaces=True) as seen:
            await seen.until(lambda: seen.cluster.namespace_labels("shop") == {"team": "a"})
            await seen.until(lambda: server.watches == 2)
            seen.take_news()
            server.put(namespace("shop", team="b"))
            await seen.until(lambda: bool(seen.news))
            assert seen.take_news() == {"u0"}
            assert seen.cluster.namespace_labels("shop") == {"team": "b"}


@on_loop
async def test_a_pod_that_the_watch_does_not_tell_of_is_asked_for(tmp_path: Path) -> None:
    async with KubeApi() as server, watching(tmp_path, server) as seen:
        await seen.until(lambda: server.watches == 1)
        server.objects["pods", "shop", "silent"] = pod("silent", "u1")
        here, not_here = LogPath("shop", "silent", "u1", "app", 0), LogPath("shop", "silent", "u2", "app", 0)
        assert not seen.cluster.is_missing(here)
        assert not seen.cluster.is_missing(not_here)
        await seen.until(lambda: seen.cluster.is_missing(not_here))
        assert seen.facts("u1") is not None


@on_loop
async def test_an_error_that_nobody_thought_of_ends_no_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clusters, "RESTART_SECONDS", 0.01)
    async with KubeApi() as server:
        server.put(pod("web-0", "u0"))
        failed: list[str] = []
        follow = loops.Watch._follow

        async def fail_once(self: loops.Watch) -> None:
            if not failed:
                failed.append("once")
                raise RuntimeError("of another library")
            await follow(self)

        monkeypatch.setattr(loops.Watch, "_follow", fail_once)
        async with watching(tmp_path, server) as seen:
            await seen.until(lambda: server.watches == 1)
            server.put(pod("web-1", "u1"))
            await seen.until(lambda: seen.facts("u1") is not None)
    assert "of another library" in caplog.text


@on_loop
async def test_a_watch_that_fails_disturbs_no_other(tmp_path: Path) -> None:
    async with KubeApi() as server:
        server.put(pod("web-0", "u0"), namespace("shop", team="a"))
        server.refuse = lambda request: failure(500, "broken") if request.path.endswith("/namespaces") else None
        async with watching(tmp_path, server, namespaces=True) as seen:
            await seen.until(lambda: seen.errors("refused", "namespaces") >= 3)
            await seen.until(lambda: server.watches == 1)
            assert seen.errors("unreachable") == 0
            assert len(server.asked("pods", watch="true")) == 1


@on_loop
async def test_ten_thousand_pods_that_come_and_go_leave_nothing_behind(tmp_path: Path) -> None:
    clock = SetClock()
    async with KubeApi() as server, watching(tmp_path, server, clock=clock) as seen:
        await seen.until(lambda: server.watches == 1)
        for start in range(0, 10_000, 500):
            pods = [pod(f"job-{number}", f"u{number}") for number in range(start, start + 500)]
            server.put(*pods)
            server.remove(*pods)
            await seen.until(lambda: len(seen.cluster.pods._gone) == 500)
            seen.take_news()
            clock.now += 61
            seen.cluster.pods.forget(60)
            server.history.clear()
        gc.collect()
        assert len(seen.cluster.pods) == 0
        assert sum(isinstance(each, Known) for each in gc.get_objects()) == 0
        assert len(asyncio.all_tasks()) < 20


@on_loop
async def test_closing_ends_all_requests(tmp_path: Path) -> None:
    async with KubeApi() as server:
        async with watching(tmp_path, server, namespaces=True):
            await until(lambda: server.watches == 2)
        await until(lambda: server.watches == 0)


def test_a_kubeconfig_that_cannot_be_used_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("a: [")
    for path, context in ((str(tmp_path / "none"), None), (str(broken), None)):
        with pytest.raises(SetupError, match="kubeconfig: cannot tell how to reach the API server"):
            api.configured_api(path, context)
    with pytest.raises(SetupError, match="Context 'other' not found"):
        api.configured_api(kubeconfig(tmp_path, KubeApi()), "other")


def test_in_a_pod_its_service_account_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("token", "t"), ("namespace", "logging"), ("ca.crt", "")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(api, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert api.configured_api(None, None).server == "https://[fd00::1]:443"
