//! Settings and environment: what the manifest gives this component, and nothing of anybody else's.

use crate::application::{Application, Component};
use crate::host::Place;
use std::sync::Arc;

fn application() -> Application {
    let first = Component::guest_as("first", "settings")
        .entry("variables", "greeting", "hello {{ name }} of {{region}}")
        .entry("environment", "REGION", "{{ region }}");
    let second = Component::guest_as("second", "settings").entry("variables", "secret", "{{ name }}");
    let third = Component::guest_as("third", "settings");
    Application::of([first, second, third]).variable("name", None).variable("region", Some("nowhere"))
}

#[test]
fn a_component_sees_its_own_settings_and_environment_only() {
    let place = Place::new(&application())
        .environment("SOUK_VARIABLE_NAME", "Ada")
        .environment("SPIN_VARIABLE_NAME", "not this one")
        .environment("PASSWORD", "of the host");
    let host = Arc::new(place).up();
    host.get("/first/all").is_ok("greeting=hello Ada of nowhere");
    host.get("/first/environment").is_ok("REGION=nowhere");
    host.get("/first/greeting").is_ok("Some(\"hello Ada of nowhere\")");
    host.get("/first/secret").is_ok("None");
    host.get("/second/all").is_ok("secret=Ada");
    host.get("/second/environment").is_ok("");
    host.get("/third/all").is_ok("");
    host.get("/third/environment").is_ok("");
}

#[test]
fn values_come_from_the_environment_under_either_name() {
    let place = Place::new(&application())
        .environment("SPIN_VARIABLE_NAME", "Grace")
        .environment("SOUK_VARIABLE_REGION", "here");
    let host = Arc::new(place).up();
    host.get("/first/all").is_ok("greeting=hello Grace of here");
}

#[test]
fn a_required_variable_without_a_value_is_a_fault_that_names_the_environment() {
    let ended = Arc::new(Place::new(&application())).refused();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("variables.name is required and has no value"), "{}", ended.stderr);
    assert!(ended.stderr.contains("set SOUK_VARIABLE_NAME in the environment"), "{}", ended.stderr);
    assert!(ended.stderr.contains("1 fault "), "{}", ended.stderr);
}
