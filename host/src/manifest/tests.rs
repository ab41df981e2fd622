//! Manifests as they are written, right and wrong.

use super::*;

fn none(_: &str) -> Option<String> {
    None
}

fn read(text: &str) -> Result<Application, Faults> {
    parse(Path::new("shop/spin.toml"), text, &none)
}

/// The faults of a manifest, as lines of `line: what → remedy`.
fn faults(text: &str) -> Vec<String> {
    let faults = read(text).expect_err("the manifest has faults");
    faults.list().iter().map(|fault| format!("{}: {} → {}", fault.line, fault.what, fault.remedy)).collect()
}

const SMALL: &str = r#"
spin_manifest_version = 2
[application]
name = "shop"
[[trigger.http]]
route = "/a/..."
component = "a"
[component.a]
source = "a.wasm"
"#;

#[test]
fn a_manifest_of_spin_is_read_as_it_is() {
    let text = r#"
spin_manifest_version = 2
[application]
name = "shop"
version = "1.0.0"
description = "a shop"
authors = ["somebody"]
[application.tool.other]
anything = true
[application.tool.souk]
demo = "demo.jsonl"
limits = { requests_max = 7 }
[variables]
region = { default = "eu" }
[[trigger.http]]
id = "main"
route = "/a/..."
component = "a"
executor = { type = "spin" }
[[trigger.http]]
route = { private = true }
component = "b"
[component.a]
source = "a.wasm"
description = "the first"
key_value_stores = ["default"]
sqlite_databases = ["default"]
allowed_outbound_hosts = ["https://{{ region }}.example.com"]
environment = { MODE = "x" }
[component.a.variables]
region = "{{ region }}-1"
[component.a.build]
command = "make"
[component.a.dependencies]
"x:y/z" = { path = "z.wasm" }
[component.a.tool.souk]
grants = ["souk:database/sql"]
limits = { memory_bytes_max = 1_000_000 }
[component.b]
source = "b.wasm"
"#;
    let application = read(text).unwrap();
    assert_eq!(application.name, "shop");
    assert_eq!(application.limits.requests_max, 7);
    assert_eq!(application.demo.as_deref(), Some(Path::new("shop/demo.jsonl")));
    assert_eq!(application.routes.len(), 1, "a private route is none");
    assert_eq!(application.routes[0].pattern.to_string(), "/a/...");
    let a = &application.components[0];
    assert_eq!(a.source, Path::new("shop/a.wasm"));
    assert_eq!(a.variables["region"], "eu-1");
    assert_eq!(a.environment["MODE"], "x");
    assert!(a.outbound[0].allows("https", "EU.example.com", 443));
    assert_eq!(a.grants, ["souk:database/sql"]);
    assert_eq!(a.limits.memory_bytes_max, 1_000_000);
    assert_eq!(application.components[1].limits, ComponentLimits::default());
}

#[test]
fn all_faults_are_told_at_once_with_line_and_remedy() {
    let text = r#"spin_manifest_version = 1
[application]
nam = "shop"
[application.tool.souk.limits]
requests_maxx = 1
drain_ms_max = -1
[[trigger.http]]
route = "no-slash"
component = "b"
[[trigger.redis]]
channel = "c"
[component.a]
source = "a.wasm"
files = ["static/*"]
allowed_outbound_hosts = ["example.com"]
[component.a.variables]
key = "{{ missing }}"
[component.a.tool.souk]
grants = ["database"]
limits = { memory_bytes_max = 1 }
"#;
    let expected = [
        "1: spin_manifest_version is not 2 → write spin_manifest_version = 2 at the top",
        "2: application.name is missing → name the application",
        "3: application.nam is unknown → did you mean name?",
        "5: limit requests_maxx is unknown → did you mean requests_max?",
        "6: limit drain_ms_max is not a whole number from 0 → write a number",
        "8: route \"no-slash\" does not start with / → see https://spinframework.dev/http-trigger",
        "9: trigger.http names component \"b\", which does not exist → did you mean a?",
        "10: trigger.redis is not supported → souk serves [[trigger.http]]; remove it",
        "14: component.a.files is not supported: components have no file system → embed the files into the component",
        "15: outbound host \"example.com\" has no scheme → write scheme://host:port, such as https://api.example.com or http://127.0.0.1:9000",
        "17: variable \"missing\" does not exist → add missing to [variables]",
        "19: grant \"database\" is not an interface → name an interface without its version, such as souk:database/sql",
        "20: limit memory_bytes_max can't be 1 → choose from 65536 to 4294967296",
    ];
    assert_eq!(faults(text), expected);
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let told = faults("spin_manifest_version = 2\n[application\nname = \"x\"\n");
    assert!(told[0].starts_with("2: not TOML: "), "{told:?}");
}

#[test]
fn a_variable_comes_from_the_environment_then_from_its_default() {
    let text = SMALL.to_owned() + "[component.a.variables]\nk = \"{{key}}\"\n[variables]\nkey = { default = \"d\" }\n";
    let with = |name: &'static str| {
        let environment = move |asked: &str| (asked == name).then(|| "e".to_owned());
        parse(Path::new("spin.toml"), &text, &environment).unwrap().components[0].variables["k"].clone()
    };
    assert_eq!(with("SOUK_VARIABLE_KEY"), "e");
    assert_eq!(with("SPIN_VARIABLE_KEY"), "e");
    assert_eq!(with("KEY"), "d");
}

#[test]
fn a_required_variable_without_a_value_is_told_once() {
    let text = SMALL.to_owned() + "[component.a.variables]\nk = \"{{key}}\"\n[variables]\nkey = { required = true }\n";
    let told = faults(&text);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].ends_with("→ set SOUK_VARIABLE_KEY in the environment"), "{told:?}");
}

#[test]
fn a_route_is_exact_has_parameters_or_takes_everything_below() {
    let parsed = |text: &str| RoutePattern::parse(text).map(|pattern| (pattern.segments, pattern.below));
    let literal = |text: &str| Segment::Literal(text.to_owned());
    assert_eq!(parsed("/"), Ok((vec![], false)));
    assert_eq!(parsed("/a/b"), Ok((vec![literal("a"), literal("b")], false)));
    assert_eq!(parsed("/a/:id"), Ok((vec![literal("a"), Segment::Parameter], false)));
    assert_eq!(parsed("/a/..."), Ok((vec![literal("a")], true)));
    assert_eq!(parsed("/..."), Ok((vec![], true)));
    for wrong in ["a", "/a//b", "/a/", "/.../a", "/:", "/{a}", "/a b", "/ä"] {
        assert!(parsed(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_outbound_host_allows_what_it_says_and_nothing_else() {
    let allows = |pattern: &str, scheme: &str, host: &str, port: u16| {
        OutboundHost::parse(pattern).unwrap().allows(scheme, host, port)
    };
    assert!(allows("https://api.example.com", "https", "api.example.com", 443));
    assert!(!allows("https://api.example.com", "http", "api.example.com", 443));
    assert!(!allows("https://api.example.com", "https", "api.example.com", 8443));
    assert!(!allows("https://api.example.com", "https", "api.example.com.evil.net", 443));
    assert!(allows("https://*.example.com:*", "https", "a.b.example.com", 1));
    assert!(!allows("https://*.example.com", "https", "example.com", 443));
    assert!(!allows("https://*.example.com", "https", "evilexample.com", 443));
    assert!(allows("*://[::1]:80", "http", "[::1]", 80));
    for wrong in ["example.com", "ftp://a", "https://a/path", "https://user@a", "https://a*.com", "*://a", "http://"] {
        assert!(OutboundHost::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_component_may_have_its_database_elsewhere_and_other_limits() {
    let text = format!(
        "{SMALL}\n[component.a.tool.souk.database]\nurl = \"postgres://me:{{{{ word }}}}@db/\"\nlimits = {{ query-ms = 70 }}
         [variables]\nword = {{ default = \"geheim\", secret = true }}"
    );
    let component = read(&text).expect("it is right").components.remove(0);
    assert_eq!(component.database.url, Some(DatabaseUrl::Postgres("postgres://me:geheim@db/".into())));
    assert_eq!(component.database.limits, [("query-ms".to_owned(), 70)]);
    assert!(!format!("{component:?}").contains("geheim"));
    let plain = read(SMALL).expect("it is right").components.remove(0);
    assert_eq!(plain.database, Database::default());
}

#[test]
fn what_a_database_can_not_be_is_told_without_its_password() {
    let with = |table: &str| faults(&format!("{SMALL}\n[component.a.tool.souk.database]\n{table}"));
    let found = with("url = \"mysql://me:geheim@db/\"\nlimits = { query-ms = -1 }\nuri = \"\"");
    let told = found.join("\n");
    for part in ["database.url is neither `sqlite` nor", "limit query-ms is not a whole number", "did you mean url?"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(found.len() == 3 && !told.contains("geheim"), "{told}");
}

#[test]
fn rates_are_named_once_and_used_by_components() {
    let text = format!(
        "{SMALL}\n[application.tool.souk]\nproxies = [\"10.0.0.0/8\", \"::1\"]\n\
         rates.calm = {{ requests = 60, seconds = 60, burst = 5 }}\nrates.busy = {{ requests = 9, seconds = 1 }}\n\
         [[component.a.tool.souk.rates]]\npolicy = \"calm\"\nmethods = [\"POST\"]\npath = \"/a/:id\"\n\
         [[component.a.tool.souk.rates]]\npolicy = \"busy\""
    );
    let application = read(&text).expect("it is right");
    assert_eq!(application.proxies.len(), 2);
    let bursts: Vec<_> = application.rates.iter().map(|rate| (rate.name.as_str(), rate.burst)).collect();
    assert_eq!(bursts, [("calm", 5), ("busy", 9)]);
    let rules = &application.components[0].rates;
    assert_eq!((rules[0].policy.as_str(), rules[0].which.methods.len(), rules[1].which.methods.len()), ("calm", 1, 0));
    let path = rules[0].which.path.as_ref().expect("it has one");
    assert!(path.takes("/a/7") && !path.takes("/a/") && !path.takes("/a") && !path.takes("/a/7/8"));
    assert!(rules.iter().all(|rule| rule.per == Per::Peer));
}

#[test]
fn a_rate_is_per_peer_or_per_caller() {
    let policies =
        "[application.tool.souk.rates]\na = { requests = 1, seconds = 1 }\nb = { requests = 1, seconds = 1 }\n";
    let application = read(&format!("{SMALL}\n{policies}{TOKENS}{}{}", per("peer", "a"), per("caller", "b")));
    let kinds: Vec<_> = application.expect("it is right").components[0].rates.iter().map(|rule| rule.per).collect();
    assert_eq!(kinds, [Per::Peer, Per::Caller]);
    for (rules, tokens, told) in [
        (per("callers", "a"), TOKENS, "rates.per can't be \"callers\" → choose from peer and caller"),
        (per("caller", "a"), "", "a rate is per caller and no tokens are taken → add [application.tool.souk.tokens]"),
        (
            per("peer", "a") + &per("caller", "a"),
            TOKENS,
            "rate \"a\" is counted per peer and per caller → give one of the two a policy of its own",
        ),
    ] {
        let found = faults(&format!("{SMALL}\n{policies}{tokens}{rules}"));
        assert!(found.len() == 1 && found[0].ends_with(told), "{told}: {found:?}");
    }
}

fn per(who: &str, policy: &str) -> String {
    format!("[[component.a.tool.souk.rates]]\npolicy = {policy:?}\nper = {who:?}\n")
}

#[test]
fn what_is_wrong_with_a_rate_is_told() {
    let found = faults(&format!(
        "{SMALL}\n[application.tool.souk]\nproxies = [\"here\"]\n\
         rates.calm = {{ requests = 0, seconds = 90_000, without-store = \"open\" }}\nrates.busy = {{ requests = 3, burst = 4 }}\n\
         [[component.a.tool.souk.rates]]\npolicy = \"clam\"\nmethods = [\"post\"]\npath = \"a\""
    ));
    let told = found.join("\n");
    for part in [
        "proxy \"here\" is not an address",
        "rates.calm.requests can't be 0 → choose from 1",
        "rates.calm.seconds can't be 90000 → choose from 1 to 86400",
        "rates.busy.seconds is missing",
        "rates.busy.burst can't be 4 → choose from 1 to 3",
        "rates.calm.without-store can't be \"open\" → choose from count and refuse",
        "\"post\" is not a method",
        "path \"a\" does not start with /",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

const TOKENS: &str = "[application.tool.souk.tokens]\naudience = \"https://shop.example\"\n\
    [[application.tool.souk.tokens.issuers]]\nissuer = \"https://id.example/\"\nkeys = \"id.json\"\n";

#[test]
fn access_is_given_by_rules_and_keys_stand_beside_the_manifest() {
    let text = format!(
        "{SMALL}\n{TOKENS}algorithms = [\"ES256\"]\nprofile = \"any-jwt\"\n\
         [[component.a.tool.souk.access]]\nallow = \"anyone\"\nmethods = [\"GET\"]\n\
         [[component.a.tool.souk.access]]\nroles = [\"admin\"]\nscopes = [\"a\", \"b\"]\n\
         [[component.a.tool.souk.access]]\nallow = \"nobody\""
    );
    let application = read(&text).expect("it is right");
    let issuer = &application.tokens.as_ref().expect("they are there").issuers[0];
    assert_eq!((issuer.keys.as_path(), issuer.algorithms.len()), (Path::new("shop/id.json"), 1));
    let who: Vec<_> = application.components[0].access.iter().map(|rule| rule.who.clone()).collect();
    let (roles, scopes) = (vec!["admin".to_owned()], vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!(who, [Who::Anyone, Who::SignedIn { roles, scopes }, Who::Nobody]);
    assert_eq!(read(SMALL).expect("it is right").tokens, None);
}

#[test]
fn what_is_wrong_with_access_is_told() {
    let rule = |text: &str| format!("[[component.a.tool.souk.access]]\n{text}\n");
    let found = faults(&format!(
        "{SMALL}\n{TOKENS}algorithms = [\"HS256\"]\nprofile = \"jwt\"\n\
         [[application.tool.souk.tokens.issuers]]\nissuer = \"https://id.example/\"\nkeys = \"other.json\"\n{}{}{}",
        rule("allow = \"anybody\""),
        rule("allow = \"anyone\"\nroles = [\"admin\"]"),
        rule("methods = [\"GET\"]"),
    ));
    let told = found.join("\n");
    for part in [
        "algorithm \"HS256\" is not taken",
        "profile \"jwt\" is unknown",
        "issuer \"https://id.example/\" is there twice",
        "access allows \"anybody\", which is unknown",
        "access allows \"anyone\" and asks for roles or scopes",
        "access says nobody",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let without = faults(&format!("{SMALL}\n{}", rule("allow = \"signed-in\""))).join("\n");
    assert!(without.contains("access is asked for and no tokens are taken"), "{without}");
}

fn job(lines: &str) -> String {
    format!("[[component.a.tool.souk.jobs]]\n{lines}\n")
}

#[test]
fn a_component_has_jobs() {
    let (tidy, sweep) = (job("name = \"tidy-2\"\nevery_seconds = 86_400"), job("name = \"sweep\"\nevery_seconds = 1"));
    let application = read(&format!("{SMALL}\n{tidy}{sweep}")).expect("it is right");
    let jobs: Vec<_> =
        application.components[0].jobs.iter().map(|job| (job.name.as_str(), job.every_seconds, job.line)).collect();
    assert_eq!(jobs, [("tidy-2", 86_400, 11), ("sweep", 1, 14)]);
    assert_eq!(read(SMALL).expect("it is right").components[0].jobs, []);
}

#[test]
fn what_is_wrong_with_a_job_is_told() {
    let entries = [
        job("name = \"Sweep\"\nevery_seconds = 0"),
        job("name = \"sweep\"\nevery_second = 5"),
        job("name = \"tidy\"\nevery_seconds = 86_401"),
        job("name = \"tidy\"\nevery_seconds = 5"),
        job("name = \"tidy\"\nevery_seconds = 6"),
        job(&format!("name = \"{}\"\nevery_seconds = \"5\"", "a".repeat(65))),
        job("every_seconds = 5"),
    ];
    let expected = [
        "12: job \"Sweep\" is not valid → use 1 to 64 of a-z, 0-9 and -".to_owned(),
        "13: component.a.tool.souk.jobs.every_seconds can't be 0 → choose from 1 to 86400".to_owned(),
        "14: component.a.tool.souk.jobs.every_seconds is missing → say how many seconds after the end of a call the next one comes"
            .to_owned(),
        "16: component.a.tool.souk.jobs.every_second is unknown → did you mean every_seconds?".to_owned(),
        "19: component.a.tool.souk.jobs.every_seconds can't be 86401 → choose from 1 to 86400".to_owned(),
        "23: job \"tidy\" is there twice → remove one of the two, or give it the name of another job".to_owned(),
        format!("27: job {:?} is not valid → use 1 to 64 of a-z, 0-9 and -", "a".repeat(65)),
        "28: component.a.tool.souk.jobs.every_seconds has the wrong type → make it a whole number".to_owned(),
        "29: component.a.tool.souk.jobs.name is missing → name a job of the component".to_owned(),
    ];
    assert_eq!(faults(&format!("{SMALL}\n{}", entries.concat())), expected);
}

#[test]
fn a_component_says_how_its_file_is_made() {
    let build = |lines: &str| format!("{SMALL}[component.a.build]\n{lines}\n");
    let made = |text: &str| read(text).unwrap().components[0].build.clone();
    assert_eq!(made(SMALL), None);
    let one =
        made(&build("command = \"make\"\nworkdir = \"a/\"\nwatch = [\"src/**/*.rs\"]\nenvironments = 1")).unwrap();
    assert_eq!(
        (one.commands, one.folder, one.watch),
        (vec!["make".to_owned()], "shop/a".into(), vec!["src/**/*.rs".to_owned()])
    );
    let two = made(&build("command = [\"make a\", \"make b\"]")).unwrap();
    assert_eq!((two.commands.len(), two.folder, two.watch.len()), (2, "shop".into(), 0));
    // A manifest that was named without its folder.
    let bare = parse(Path::new("spin.toml"), &build("command = \"make\""), &none).unwrap();
    assert_eq!(bare.components[0].build.as_ref().unwrap().folder, Path::new("."));
    for wrong in ["", "command = 7", "command = []", "command = [\"make\", 7]"] {
        let found = faults(&build(wrong)).join("\n");
        assert!(found.contains("component.a.build.command is not a command"), "{wrong}: {found}");
    }
    let found = faults(&build("command = \"make\"\nwatch = [\"a/***\"]")).join("\n");
    assert!(found.contains("pattern \"a/***\" can't be read"), "{found}");
}

#[test]
fn a_component_names_who_may_vouch_for_its_file() {
    let signers = |entries: &str| format!("{SMALL}[component.a.tool.souk]\nsigners = {{ {entries} }}\n");
    let key = format!("ed25519:{}", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let application = read(&signers(&format!("acme = \"{key}\""))).unwrap();
    assert_eq!(application.components[0].signers.len(), 1);
    assert_eq!(application.components[0].signers[0].name, "acme");
    for (entries, told) in [
        ("acme = 7".to_owned(), "signer \"acme\" is not a text"),
        ("acme = \"ed25519:12\"".to_owned(), "signer \"acme\": "),
        (format!("Acme = \"{key}\""), "signer \"Acme\" is not valid"),
        (format!("acme = \"{key}\", ajax = \"{key}\""), "signer \"ajax\" has the key of another"),
    ] {
        let found = faults(&signers(&entries)).join("\n");
        assert!(found.contains(told), "{entries}: {found}");
    }
}
