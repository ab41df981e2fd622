//! Whether two components mean the same by a function, and if not, every difference by its place.

use wasmtime::component::Type;
use wasmtime::component::types::ComponentFunc;

/// The differences between what is wanted and what is offered, such as `reserve: lines: item: quantity is u32 here and u64 there`.
pub(super) fn functions(name: &str, wanted: &ComponentFunc, offered: &ComponentFunc) -> Vec<String> {
    let mut found = Differences(Vec::new());
    let here: Vec<_> = wanted.params().map(|(name, ty)| (name, Some(ty))).collect();
    let there: Vec<_> = offered.params().map(|(name, ty)| (name, Some(ty))).collect();
    found.members(name, &here, &there, "parameters");
    let (here, there): (Vec<_>, Vec<_>) = (wanted.results().collect(), offered.results().collect());
    match (here.as_slice(), there.as_slice()) {
        ([], []) => {}
        ([here], [there]) => found.types(&format!("{name}: result"), here, there),
        _ => found.0.push(format!("{name}: one has a result and the other has none")),
    }
    found.0
}

struct Differences(Vec<String>);

/// A parameter, a field, a case: its name, and its type if it has one.
type Member<'a> = (&'a str, Option<Type>);

impl Differences {
    fn types(&mut self, at: &str, here: &Type, there: &Type) {
        if let Some(what) = bound_to_a_sandbox(here) {
            self.0.push(format!("{at} is {what}, which belongs to one sandbox"));
            return;
        }
        match (here, there) {
            (Type::List(here), Type::List(there)) => self.types(&format!("{at}: item"), &here.ty(), &there.ty()),
            (Type::Option(here), Type::Option(there)) => self.types(&format!("{at}: some"), &here.ty(), &there.ty()),
            (Type::Record(here), Type::Record(there)) => {
                let here: Vec<_> = here.fields().map(|field| (field.name, Some(field.ty))).collect();
                let there: Vec<_> = there.fields().map(|field| (field.name, Some(field.ty))).collect();
                self.members(at, &here, &there, "fields");
            }
            (Type::Variant(here), Type::Variant(there)) => {
                let here: Vec<_> = here.cases().map(|case| (case.name, case.ty)).collect();
                let there: Vec<_> = there.cases().map(|case| (case.name, case.ty)).collect();
                self.members(at, &here, &there, "cases");
            }
            (Type::Enum(here), Type::Enum(there)) => {
                let here: Vec<_> = here.names().map(|name| (name, None)).collect();
                let there: Vec<_> = there.names().map(|name| (name, None)).collect();
                self.members(at, &here, &there, "cases");
            }
            (Type::Tuple(here), Type::Tuple(there)) if here.types().len() == there.types().len() => {
                for (place, (here, there)) in here.types().zip(there.types()).enumerate() {
                    self.types(&format!("{at}: {place}"), &here, &there);
                }
            }
            (Type::Result(here), Type::Result(there)) => {
                self.payload(&format!("{at}: ok"), here.ok().as_ref(), there.ok().as_ref());
                self.payload(&format!("{at}: error"), here.err().as_ref(), there.err().as_ref());
            }
            _ if here == there => {}
            _ => self.0.push(format!("{at} is {} here and {} there", kind(here), kind(there))),
        }
    }

    /// Names and types in the same order: both decide how values are passed.
    fn members(&mut self, at: &str, here: &[Member<'_>], there: &[Member<'_>], what: &str) {
        let names = |list: &[Member<'_>]| list.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let (wanted, offered) = (names(here), names(there));
        if wanted != offered {
            self.0.push(format!("{at} has the {what} {wanted} here and {offered} there"));
            return;
        }
        for ((name, here), (_, there)) in here.iter().zip(there) {
            self.payload(&format!("{at}: {name}"), here.as_ref(), there.as_ref());
        }
    }

    fn payload(&mut self, at: &str, here: Option<&Type>, there: Option<&Type>) {
        match (here, there) {
            (Some(here), Some(there)) => self.types(at, here, there),
            (None, None) => {}
            _ => self.0.push(format!("{at} has a value on one side only")),
        }
    }
}

fn bound_to_a_sandbox(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Own(_) | Type::Borrow(_) => Some("a resource"),
        Type::Stream(_) => Some("a stream"),
        Type::Future(_) => Some("a future"),
        Type::ErrorContext => Some("an error context"),
        _ => None,
    }
}

fn kind(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::S8 => "s8",
        Type::U8 => "u8",
        Type::S16 => "s16",
        Type::U16 => "u16",
        Type::S32 => "s32",
        Type::U32 => "u32",
        Type::S64 => "s64",
        Type::U64 => "u64",
        Type::Float32 => "f32",
        Type::Float64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::List(_) => "a list",
        Type::FixedLengthList(_) => "a list of fixed length",
        Type::Map(_) => "a map",
        Type::Record(_) => "a record",
        Type::Tuple(_) => "a tuple",
        Type::Variant(_) => "a variant",
        Type::Enum(_) => "an enum",
        Type::Option(_) => "an option",
        Type::Result(_) => "a result",
        Type::Flags(_) => "flags",
        Type::Own(_) | Type::Borrow(_) => "a resource",
        Type::Future(_) => "a future",
        Type::Stream(_) => "a stream",
        Type::ErrorContext => "an error context",
    }
}
