//! The documented scenario, and every way to get one wrong.

use super::*;
use proofload_engine::Measure;
use proptest::prelude::*;

fn endpoints() -> Endpoints {
    Endpoints {
        name_server: None,
        services: [("user-service", 3002), ("product-service", 3003)].map(|(n, p)| (n.to_owned(), p)).into(),
        gateway: ("127.0.0.3".to_owned(), 8000),
        kafka: "127.0.0.4:9092".to_owned(),
        service_secret: "s3cret".to_owned(),
    }
}

fn complaint(from: &str, to: &str) -> String {
    assert!(GOODGO.contains(from), "the test replaces nothing");
    Scenario::parse("my.toml", &GOODGO.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn the_documented_scenario_has_the_six_targets_in_both_profiles() {
    for profile in ["smoke", "standard"] {
        let selection = Scenario::documented().unwrap().select(profile, &[]).unwrap();
        let targets: Vec<_> = selection.objectives().into_iter().map(|o| (o.id, o.target)).collect();
        let expected = [
            ("rest", "P95 < 100 ms"),
            ("publish", "P95 < 50 ms"),
            ("discovery", "P95 < 10 ms"),
            ("gateway", "adds < 20 ms at P95"),
            ("processing", "P95 < 500 ms"),
            ("throughput", "≥ 10000/s, P95 < 100 ms"),
        ];
        assert_eq!(targets, expected.map(|(id, target)| (id.to_owned(), target.to_owned())));
        let plan = selection.plan(&endpoints(), 1).unwrap();
        assert_eq!(plan.stages.iter().map(|s| s.probes.len()).collect::<Vec<_>>(), [5, 1]);
    }
}

#[test]
fn a_stage_without_objectives_is_left_out() {
    let selection = Scenario::documented().unwrap().select("smoke", &["rest".to_owned()]).unwrap();
    let plan = selection.plan(&endpoints(), 1).unwrap();
    assert_eq!(plan.stages.len(), 1);
    assert_eq!(selection.load_s(), 22);
}

#[test]
fn unknown_ids_are_refused_with_those_that_exist() {
    let only = ["rest".to_owned(), "dns".to_owned()];
    let message = Scenario::documented().unwrap().select("smoke", &only).unwrap_err().to_string();
    assert_eq!(
        message,
        "there is no objective `dns` in goodgo.toml (built in); it has: rest, publish, discovery, gateway, \
         processing, throughput"
    );
    let message = Scenario::documented().unwrap().select("quick", &[]).unwrap_err().to_string();
    assert!(message.contains("profile `quick`") && message.contains("smoke, standard"), "{message}");
}

#[test]
fn every_wrong_value_is_named_with_its_place() {
    let cases = [
        ("limit = \"100 ms\"", "limit = \"100 mss\"", "expected a duration"),
        ("per_s = 150", "per_s = 0", "objective `rest`: its rate is 0"),
        ("quantile = 0.95", "quantile = 95", "objective `rest`: quantile is 95"),
        ("stage = \"together\"", "stage = \"other\"", "stage `other` is none of"),
        ("timeout = \"2 s\"", "timeout = \"50 ms\"", "timeout must be longer"),
        ("id = \"publish\"", "id = \"rest\"", "used twice"),
        ("max_in_flight = 600", "max_in_flight = 0", "nothing could be sent"),
        ("path = \"/api/v1/users/u-{00001..10000}\"", "path = \"users\"", "starts with /"),
        ("measure = \"70 s\"", "measure = \"5 s\"", "between 10 s and 1 h"),
        ("per_s = 10500", "per_s = 9500", "offer at least 10500"),
        ("per_s = 10000,", "per_s = nan,", "write a number above 0"),
        ("connections = 8", "connections = 0", "write 1 to 1000"),
        ("users = 10", "users = 100000000000", "at most 10000"),
        ("stages = [\"together\"", "stages = [\"together\", \"together\"", "named twice"),
        ("consumers = [\"notification\", \"profile\"]", "consumers = []", "name 1 to 8"),
        ("topic = \"proofload.publish\"", "topic = \"a topic\"", "no topic's name"),
        ("\"x-service-auth\" =", "\"x service\" =", "no header's name"),
        (
            "names = [\"iam-service\", \"user-service\", \"order-service\", \"product-service\"]",
            "names = []",
            "nothing to look up",
        ),
        ("users = 10", "usrs = 10", "unknown field `usrs`"),
        ("judge = \"delta_below\"", "judge = \"quantile_below\"", "needs judge = \"delta_below\""),
    ];
    for (from, to, expected) in cases {
        let message = complaint(from, to);
        assert!(message.starts_with("my.toml: ") && message.contains(expected), "{message}");
    }
}

#[test]
fn an_endless_file_is_refused_at_once() {
    let message = Scenario::read(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(message.contains("larger than 1 MiB"), "{message}");
}

#[test]
fn a_service_that_the_platform_has_not_is_named() {
    let text = GOODGO.replacen("service = \"user-service\"", "service = \"usr\"", 1);
    let selection = Scenario::parse("my.toml", &text).unwrap().select("smoke", &[]).unwrap();
    let message = selection.plan(&endpoints(), 1).unwrap_err().to_string();
    assert!(message.contains("no service `usr`; it has: product-service, user-service"), "{message}");
}

#[test]
fn the_secret_is_filled_in() {
    let plan = Scenario::documented().unwrap().select("smoke", &[]).unwrap().plan(&endpoints(), 1).unwrap();
    let Measure::Http { target } = &plan.stages[0].probes[0].measure else { panic!("rest is http") };
    assert!(target.headers.contains(&("x-service-auth".to_owned(), "s3cret".to_owned())));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*", at in 0_usize..4000) {
        let _ = Scenario::parse("my.toml", &text);
        let mut damaged = GOODGO.to_owned();
        let at = (0..=at).rev().find(|at| damaged.is_char_boundary(*at)).unwrap_or(0);
        damaged.insert_str(at.min(damaged.len()), &text);
        let _ = Scenario::parse("my.toml", &damaged);
    }
}
