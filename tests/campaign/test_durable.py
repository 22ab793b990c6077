"""The queues of attempts with DBOS itself: what is handed over is carried out, found, and forgotten."""

import subprocess
import sys

# DBOS keeps its state in the process, so the queues run in one of their own.
PROGRAM = """
import sys, threading, time
from datetime import UTC, datetime, timedelta
from voicebot.campaign.durable import Queues
from voicebot.campaign.trunks import Trunk

carried, busy, most = [], set(), 0
lock = threading.Lock()

def carry(attempt_id, handed):
    global most
    with lock:
        busy.add(attempt_id)
        most = max(most, len(busy))
    time.sleep(0.05)
    with lock:
        busy.discard(attempt_id)
        carried.append((attempt_id, handed))
    return "done"

def wait(number):
    deadline = time.monotonic() + 60
    while len(carried) < number and time.monotonic() < deadline:
        time.sleep(0.02)

trunk = Trunk(name="t", channels=8, calls_per_second=100)
queues = Queues(sys.argv[1], host="a", channels=3, trunks={"t": trunk}, carry=carry)
queues.start()
work = [(f"{n}:1", "t", 1) for n in range(9)]
queues.hand_over(work)
queues.hand_over(work)  # again, as after a crash: they are there already
wait(9)
time.sleep(0.5)
assert sorted(carried) == sorted((name, 1) for name, _, _ in work), carried
assert most <= 3, most
assert queues.standing([("0:1", 1)], frozenset({"a"})) == set()
queues.hand_over([("0:1", "t", 2)])
wait(10)
assert carried[-1] == ("0:1", 2)
time.sleep(0.5)
now = datetime.now(UTC)
assert queues.forget_done(now - timedelta(hours=1), 100) == 0
assert queues.forget_done(now + timedelta(minutes=1), 4) == 4
assert queues.forget_done(now + timedelta(minutes=1), 100) == 6
assert queues.drop_dead(frozenset({"a"})) == 0
queues.close()
print("all well")
"""


def test_what_is_handed_over_is_carried_out_within_the_limits_and_forgotten(database_url):
    done = subprocess.run([sys.executable, "-c", PROGRAM, database_url], capture_output=True, text=True, check=False)
    assert "all well" in done.stdout, done.stderr
