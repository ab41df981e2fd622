"""Payments: money is held, taken, let go and given back, and every movement is booked.

The same service as `components/payment` with the simulator, over the same database: whoever takes the other's place in the middle of an
operation goes on with it. So what stands in the database is written as the Rust code writes it, to the byte where something is compared:
the ids and fingerprints of operations, the answers that are kept, the simulator's verdicts.

Each operation has three steps, so that a crash between any two loses nothing: a transaction records the intent under the caller's key; the
provider is asked with the same key; a transaction writes the outcome, the state, the ledger and the event. Whoever comes later with the key,
or `resolve`, finds an intent without an outcome and asks the provider what became of it.

The modules, in the order in which one needs the next:

- `moment`, `database`, `context`: time, what a database answers, the outside world as arguments;
- `domain`: types that cannot be wrong and rules without I/O;
- `store`: one function for each transaction;
- `simulator`: the provider; `payments`: the use cases;
- `http`: requests to domain and back.

Only `component`, beside this package, sees the bindings of WIT: everything here runs natively as well, which is how it is tested.
"""
