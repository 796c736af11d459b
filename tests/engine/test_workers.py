"""Two workers: each has its own work, and what one leaves in the middle the other finishes, no step of it twice."""

from __future__ import annotations

import signal
import time

import sqlalchemy as sa

from tests.engine.company import LEASE, Company

ALL = ["one begins", "one ends", "two begins", "two ends", "three begins", "three ends"]
SOON = LEASE + 27
"""The promise, with what it adds to the usual lease of twenty seconds and a machine that has more to do."""
FOR_GOOD = "600"
"""A lease so long that within a test nothing is taken over unless it was given back."""


def steps(company: Company, pull: int) -> list[str]:
    """What was done for a pull request, whoever did it."""
    return [" ".join(words[2:]) for words in map(str.split, company.told()) if words[1] == str(pull)]


def doers(company: Company, pull: int) -> list[str]:
    """Who did it, each once, in order."""
    return list(dict.fromkeys(line.split()[0] for line in company.told() if line.split()[1] == str(pull)))


def in_the_middle(company: Company, step: str = "two") -> str:
    """Start two workers, hold a release up in this step, and say who has it."""
    company.start("ann")
    company.start("bob")
    company.hold(step)
    company.publish(1)
    company.until("the step", lambda: steps(company, 1)[-1:] == [f"{step} begins"])
    return doers(company, 1)[0]


def other(name: str) -> str:
    """The one of the two who is not this one."""
    return {"ann": "bob", "bob": "ann"}[name]


def test_many_repositories_at_once_and_one_release_at_a_time_in_each(company: Company) -> None:
    company.hold("two")
    company.start("ann")
    company.start("bob")
    for number in range(1, 21):
        company.publish(number, repository=number % 10)
    company.until("ten at once", lambda: sum(line.endswith("two begins") for line in company.told()) == 10)
    time.sleep(0.5)
    assert sum(line.endswith("one begins") for line in company.told()) == 10
    company.let_go("two")
    for number in range(1, 21):
        company.until("all", lambda number=number: company.outcome(number))  # type: ignore[misc]
        assert steps(company, number) == ALL
    assert {line.split()[0] for line in company.told()} == {"ann", "bob"}
    for repository in range(10):
        numbers = [int(line.split()[1]) for line in company.told() if line.endswith("one begins")]
        mine = [number for number in numbers if number % 10 == repository]
        assert mine == sorted(mine)


def test_what_a_killed_worker_had_begun_is_finished_by_the_other_without_repeating_recorded_steps(
    company: Company,
) -> None:
    victim = in_the_middle(company)
    company.publish(2)
    company.members[victim].kill()
    company.let_go("two")
    company.until("the end", lambda: company.outcome(1), SOON)
    assert company.outcome(1) == ("done", "one two three")
    assert doers(company, 1) == [victim, other(victim)]
    assert steps(company, 1) == ["one begins", "one ends", "two begins", *ALL[2:]]
    company.until("the one behind it", lambda: company.outcome(2))


def test_a_worker_that_stood_still_past_its_lease_does_nothing_more_and_ends(company: Company) -> None:
    victim = in_the_middle(company)
    process = company.members[victim]
    process.send_signal(signal.SIGSTOP)
    company.until("the other", lambda: steps(company, 1)[-2:] == ["two begins", "two begins"], SOON)
    company.let_go("two")
    company.until("the end", lambda: company.outcome(1))
    before = company.told()
    company.publish(2)
    company.until("the next", lambda: company.outcome(2))
    process.send_signal(signal.SIGCONT)
    assert process.wait(20) == 1
    assert "was taken over by another worker" in company.log(victim)
    mine = [line for line in company.told()[len(before) :] if line.startswith(victim)]
    assert mine in ([], [f"{victim} 1 two ends"])
    assert company.outcome(1) == ("done", "one two three")


def test_a_worker_that_was_taken_over_leaves_the_step_that_the_other_carries_out_at_once(company: Company) -> None:
    victim = in_the_middle(company)
    process = company.members[victim]
    process.send_signal(signal.SIGSTOP)
    company.until("the other", lambda: steps(company, 1)[-2:] == ["two begins", "two begins"], SOON)
    process.send_signal(signal.SIGCONT)
    assert process.wait(20) == 1
    assert "broken off" not in company.log(victim), "it waited for its step, in which the other is too"
    company.let_go("two")
    company.until("the end", lambda: company.outcome(1))
    assert f"{victim} 1 two ends" not in company.told()


def test_what_a_worker_had_begun_before_the_databases_clock_was_set_back_is_finished_by_the_other(
    company: Company,
) -> None:
    victim = in_the_middle(company)
    (begun_by,) = company.door.under_way().values()
    company.members[victim].kill()
    company.members[victim].wait()
    with company.store.begin() as connection:
        late = "UPDATE slots SET expires_at = now() + interval '1 hour' WHERE 'slot-' || number || '.' || token = :who"
        connection.execute(sa.text(late), {"who": begun_by})
    company.let_go("two")
    company.until("the end", lambda: company.outcome(1), SOON)
    assert doers(company, 1) == [victim, other(victim)]


def test_when_the_databases_clock_is_set_forward_all_go_on(company: Company) -> None:
    in_the_middle(company)
    held = company.held()
    with company.store.begin() as connection:
        connection.execute(sa.text("UPDATE slots SET expires_at = expires_at - interval '1 hour'"))
    time.sleep(LEASE * 1.5)
    company.let_go("two")
    company.until("the end", lambda: company.outcome(1))
    assert steps(company, 1) == ALL
    assert company.held() == held


def test_a_worker_that_stood_still_with_nobody_else_there_goes_on(company: Company) -> None:
    process = company.start("ann")
    company.hold("two")
    company.publish(1)
    company.until("the step", lambda: steps(company, 1)[-1:] == ["two begins"])
    process.send_signal(signal.SIGSTOP)
    time.sleep(LEASE * 1.2)
    process.send_signal(signal.SIGCONT)
    company.let_go("two")
    company.until("the end", lambda: company.outcome(1))
    assert steps(company, 1) == ALL
    assert process.poll() is None


def test_a_worker_that_is_told_to_end_finishes_its_step_and_the_other_carries_on_at_once(company: Company) -> None:
    company.env["LEASE_SECONDS"] = FOR_GOOD
    leaver = in_the_middle(company)
    process = company.members[leaver]
    process.terminate()
    time.sleep(0.5)
    company.let_go("two")
    assert process.wait(20) == 0
    company.until("the end", lambda: company.outcome(1))
    assert steps(company, 1) == ALL
    assert doers(company, 1) == [leaver, other(leaver)]


def test_a_step_that_will_not_end_is_broken_off_and_carried_on_at_once(company: Company) -> None:
    company.env["LEASE_SECONDS"] = FOR_GOOD
    leaver = in_the_middle(company)
    process = company.members[leaver]
    process.terminate()
    assert process.wait(20) == 0
    assert "broken off" in company.log(leaver)
    company.until("the other", lambda: steps(company, 1)[-2:] == ["two begins", "two begins"])
    company.let_go("two")
    company.until("the end", lambda: company.outcome(1))
    assert f"{leaver} 1 two ends" not in company.told()


def test_a_lone_worker_that_starts_again_takes_up_what_it_had_begun(company: Company) -> None:
    company.start("ann").kill()
    company.members["ann"].wait()
    company.hold("two")
    company.start("bob")
    company.publish(1)
    company.until("the step", lambda: steps(company, 1)[-1:] == ["two begins"])
    company.members["bob"].kill()
    company.let_go("two")
    company.start("cyd")
    company.until("the end", lambda: company.outcome(1), SOON)
    assert doers(company, 1) == ["bob", "cyd"]
    assert steps(company, 1).count("one begins") == 1


def test_every_worker_has_a_slot_of_its_own_and_the_lowest_free_one_is_taken(company: Company) -> None:
    company.env["LEASE_SECONDS"] = FOR_GOOD
    for number in range(3):
        company.start(f"w{number}")
    assert [slot.number for slot in company.held()] == [1, 2, 3]
    company.members["w0"].terminate()
    assert company.members["w0"].wait(20) == 0
    assert [slot.number for slot in company.held()] == [2, 3]
    company.start("again")
    assert [slot.number for slot in company.held()] == [1, 2, 3]
    assert [slot.token for slot in company.held()] == [2, 1, 1]
