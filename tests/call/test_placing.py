"""A call leaves a closed record, whatever the database does meanwhile."""

from sip.line import TrunkOptions
from sip.loopback import Network
from tests.call.stage import NOW, UNDERSTANDER
from tts.scripted import ScriptedVoice
from tts.voice import Style
from voicebot.asr.scripted import ScriptedEar
from voicebot.call.placing import place
from voicebot.call.session import Engines, Order
from voicebot.call.speaking import Speaker
from voicebot.flow.loading import find, load
from voicebot.flow.sample import sample_slots
from voicebot.store.fault import StoreFault
from voicebot.store.ledger import Ledger
from voicebot.store.records import NewCall


class Away:
    """A database that is away for the first two questions of a kind."""

    def __init__(self, answer):
        self.answer = answer
        self.refused = 0

    def __call__(self, *asked):
        if self.refused < 2:
            self.refused += 1
            raise StoreFault("database: server closed the connection unexpectedly")
        return self.answer(*asked)


async def test_a_database_that_goes_away_as_the_call_ends_is_waited_for(store, tmp_path, monkeypatch):
    network = Network()
    robot = await network.open_trunk(TrunkOptions())
    phone = await network.open_trunk(TrunkOptions(user="phone"))  # takes no calls: 403
    flow = load("margin_call")
    engines = Engines(robot, ScriptedEar([]), UNDERSTANDER, lambda flow: Speaker(ScriptedVoice(), Style(), flow))
    store.create_call(NewCall("call1", flow.name, flow.version, phone.uri))
    order = Order("call1", "margin_call", phone.uri, sample_slots(find("margin_call"), NOW))
    ledger = Ledger(store)
    events, call = Away(store.events), Away(store.call)
    monkeypatch.setattr(store, "events", events)
    monkeypatch.setattr(store, "call", call)
    record = await place(order, flow, engines, ledger, tmp_path, NOW.tzinfo, {})
    assert (record.state, record.disposition) == ("closed", "rejected")
    assert (events.refused, call.refused) == (2, 2)
    await ledger.close()
