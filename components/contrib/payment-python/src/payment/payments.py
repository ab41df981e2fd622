"""The use cases: the three steps of an operation, and what finishes one that was left between them."""

from __future__ import annotations

from dataclasses import dataclass

from payment.context import Context, log_error
from payment.database import Stale
from payment.domain import InProgress, OutcomeUnknown, ProviderUnavailable
from payment.domain.operation import (
    RESOLVE_WITHIN_S,
    RESOLVED_MAX,
    Answer,
    End,
    Operation,
    OperationId,
    Progress,
    TakeUp,
    Verdict,
    Wanted,
)
from payment.domain.webhook import Settled
from payment.simulator import NAME, NoVerdict, Simulator
from payment.store import operation as store
from payment.store.operation import Claim, NotAlso, Pending
from payment.store.webhook import first_time


@dataclass(frozen=True, slots=True)
class Resolved:
    """What `resolve` did: so many operations have an outcome now, so many have none."""

    settled: int
    open: int

    def is_more_due(self) -> bool:
        """Whether the bound of one call was reached, and another would do something.

        Where nothing was settled, the provider says nothing, and to come back at once would only ask it again.
        """
        return self.settled > 0 and self.settled + self.open >= RESOLVED_MAX


@dataclass(frozen=True, slots=True)
class Payments:
    """The world of the service, and who moves the money."""

    context: Context
    provider: Simulator

    @classmethod
    def of(cls, context: Context) -> Payments:
        """With the simulator."""
        return cls(context, Simulator(context))

    async def operate(self, wanted: Wanted) -> Answer:
        """Carries an operation out, or goes on with it: writes it down, asks the provider, writes down what it says.

        Raises a `Refusal` or a `Failure`.
        """
        match await self._begin(wanted):
            case Answer() as answer:
                return answer
            case Claim() as claim:
                return await self._carry_out(claim, wanted)
            case Pending():
                raise InProgress

    async def _begin(self, wanted: Wanted) -> store.Begun:
        """Begins it. What is pending on the payment and left is finished first, so that nobody need wait for `resolve`."""
        begun = await store.begin(self.context, NAME, wanted)
        if not isinstance(begun, Pending):
            return begun
        pending = await store.operation(self.context, begun.id)
        if not pending or pending.take_up(self.context.now()) is TakeUp.LEAVE:
            return begun
        if not await self._resolve_one(pending):
            return begun
        return await store.begin(self.context, NAME, wanted)

    async def _carry_out(self, claim: Claim, wanted: Wanted) -> Answer:
        """The second and the third step."""
        operation = claim.operation
        # An operation has no amount only if it was refused, and then there is nothing to do.
        if claim.step is TakeUp.SEND and operation.amount is not None:
            reply = await self.provider.perform(operation, wanted.ask)
        else:
            reply = await self.provider.status(operation.id) or NoVerdict.SILENT
        match reply:
            case Verdict() as verdict:
                return await self._settle(operation.id, verdict)
            case NoVerdict.UNREACHED:
                await store.put_down(self.context, claim, Progress.UNSENT)
                raise ProviderUnavailable
            case NoVerdict.SILENT:
                await store.put_down(self.context, claim, Progress.UNKNOWN)
                raise OutcomeUnknown(operation.payment_id)

    async def _settle(self, id: OperationId, verdict: Verdict) -> Answer:
        finished = await store.finish(self.context, id, verdict)
        if not finished:
            raise Stale
        return finished.answer

    async def resolve(self) -> Resolved:
        """Asks the provider about all operations that have had no outcome for long, and finishes those of which it knows.

        Those for which there is no time left stay as they are.
        """
        settled = 0
        until = self.context.now().plus_seconds(RESOLVE_WITHIN_S)
        forgotten = await store.forgotten(self.context, NAME)
        for operation in forgotten:
            if self.context.now() < until and await self._resolve_one(operation):
                settled += 1
        return Resolved(settled, len(forgotten) - settled)

    async def _resolve_one(self, known: Operation) -> bool:
        """Whether it has an outcome now. One that was never sent is not sent now either: whoever wanted it may have gone."""
        claim = await store.claim(self.context, known)
        if not claim:
            # Somebody else is at it, or has finished it.
            return False
        verdict = await self.provider.status(known.id)
        if not verdict:
            await store.put_down(self.context, claim, Progress.UNKNOWN)
            return False
        await self._settle(known.id, verdict)
        return True

    async def notice(self, said: Settled) -> None:
        """Takes in what a provider says by itself. It can only finish what is open here; so no order of events takes anything back."""
        known = await store.operation(self.context, said.operation)
        if not known or known.provider != NAME:
            return
        seen = first_time(self.context, NAME, said.event_id)
        try:
            finished = await store.finish(self.context, said.operation, said.verdict, seen)
        except NotAlso:
            # The event has had its effect.
            return
        if finished and finished.before:
            is_done = finished.answer.outcome.end is End.DONE
            if is_done != (said.verdict.end is End.DONE):
                log_error(f"webhook: {said.verdict} about an operation that ended otherwise; nothing was changed")
