//! The page as a whole: complete, self-contained, escaped, and honest where there is nothing.
#![allow(clippy::unwrap_used, reason = "a page without the part has failed the test")]

mod common;

use common::{all_met, empty, judged, killed, mixed, page};
use proofload_evidence::{Account, Evidence, Measured, Promise, RunState, StageSpan, Verdict};

/// As a reader sees it: without tags and entities, with single spaces.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut inside = true;
    for c in html.chars() {
        match c {
            '<' => inside = false,
            '>' => {
                inside = true;
                text.push(' ');
            }
            c if inside => text.push(c),
            _ => {}
        }
    }
    let text = text.replace("&#39;", "'").replace("&#60;", "<").replace("&#38;", "&");
    text.split([' ', '\n', '\u{202f}']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The values of an attribute, in the page's order.
fn values<'p>(page: &'p str, attribute: &str) -> Vec<&'p str> {
    let start = format!(" {attribute}=\"");
    page.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn every_page() -> Vec<(&'static str, String)> {
    [("all met", all_met()), ("mixed", mixed()), ("killed", killed()), ("empty", empty())]
        .into_iter()
        .map(|(name, evidence)| (name, page(&evidence)))
        .collect()
}

#[test]
fn sample_reports_are_small_and_are_kept_for_people_to_look_at() {
    let evidence = mixed();
    let record = judged(&evidence);
    let started = std::time::Instant::now();
    let len = proofload_reports::render(&record, &evidence).unwrap().len();
    println!("{len} bytes in {:?}", started.elapsed());
    for (name, page) in every_page() {
        assert!(page.len() < 400_000, "{name} has {} bytes", page.len());
        let file = format!("report-{}.html", name.replace(' ', "-"));
        std::fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(file), page).unwrap();
    }
}

#[test]
fn an_hour_of_load_makes_a_page_that_is_hardly_larger() {
    let hour = common::an_hour();
    let record = judged(&hour);
    let started = std::time::Instant::now();
    let page = proofload_reports::render(&record, &hour).unwrap();
    println!("{} bytes in {:?}", page.len(), started.elapsed());
    assert!(page.len() < 500_000, "{} bytes", page.len());
    assert!(text_of(&page).contains("Latency over time, a point every 13 s"), "{}", text_of(&page));
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    for (name, page) in every_page() {
        let page = page.replace("xmlns='http://www.w3.org/2000/svg'", "");
        for forbidden in ["http://", "https://", "<script", " src=", "url(", "@import", "<iframe", "javascript:"] {
            assert!(!page.contains(forbidden), "{name} contains {forbidden}");
        }
        let links = values(&page, "href");
        assert!(links.iter().all(|link| link.starts_with('#') || link.starts_with("data:")), "{name}: {links:?}");
        assert!(page.contains("default-src 'none'"), "{name} has no content security policy");
    }
}

#[test]
fn every_objective_has_a_section_with_two_charts_and_a_row_that_leads_to_it() {
    for (name, page) in every_page() {
        for (at, objective) in common::objectives().iter().enumerate() {
            let id = format!("objective-{}", at + 1);
            let section =
                page.split(&format!("<section id=\"{id}\"")).nth(1).and_then(|s| s.split("</section>").next());
            let section = section.unwrap_or_else(|| panic!("{name} has no section {id}"));
            assert_eq!(section.matches("role=\"img\"").count(), 2, "{name}, {id}");
            assert!(text_of(section).contains(objective.measures.as_str()), "{name}, {id}");
            assert!(text_of(section).contains("Performance targets: “"), "{name}, {id}");
            assert!(page.contains(&format!("<a href=\"#{id}\">")), "{name}, {id}");
        }
    }
}

#[test]
fn every_id_is_unique_and_every_link_leads_somewhere() {
    for (name, page) in every_page() {
        let mut ids = values(&page, "id");
        let links: Vec<_> = values(&page, "href").into_iter().filter_map(|link| link.strip_prefix('#')).collect();
        let named = values(&page, "aria-labelledby").into_iter().flat_map(str::split_whitespace);
        for target in links.into_iter().chain(named) {
            assert!(ids.contains(&target), "{name} has no {target}");
        }
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name} has an id twice");
    }
}

#[test]
fn every_element_that_is_opened_is_closed() {
    const VOID: [&str; 4] = ["meta", "link", "!doctype", "br"];
    for (name, page) in every_page() {
        let mut open = Vec::new();
        let markup = page.replace(page.split("<style>").nth(1).and_then(|s| s.split("</style>").next()).unwrap(), "");
        for tag in markup.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
            let element = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(element), "{name}: </{element}>");
            } else if !tag.ends_with('/') && !VOID.contains(&element) {
                open.push(element);
            }
        }
        assert!(open.is_empty(), "{name}: {open:?} stay open");
    }
}

/// Puts a text wherever a text can come from outside.
fn poisoned(poison: &str) -> Evidence {
    let mut run = mixed();
    let header = &mut run.record.header;
    let own = || poison.to_owned();
    for objective in &mut header.objectives {
        (objective.title, objective.target, objective.measures, objective.source) = (own(), own(), own(), own());
    }
    for part in &mut header.parts {
        (part.name, part.version, part.address, part.origin) = (own(), own(), own(), own());
        part.settings = vec![(own(), own())];
    }
    for setting in &mut header.client_settings {
        (setting.client, setting.name, setting.value) = (own(), own(), own());
    }
    for witness in &mut header.witnesses {
        witness.source = own();
        witness.figures[0].name = own();
    }
    let users = header.user_traffic.as_mut().unwrap();
    users.transactions.iter_mut().for_each(|row| row.name = own());
    (users.tool, users.problem, users.errors) = (own(), Some(own()), vec![(own(), 1)]);
    (header.scenario, header.profile, header.stack, header.proofload) = (own(), own(), own(), own());
    (header.command, header.warnings, header.stack_notes) = (vec![own()], vec![own()], vec![own()]);
    (header.host.system, header.host.processor) = (own(), Some(own()));
    header.plan = poison.into();
    // Its name is written in a chart.
    header.stages.iter_mut().for_each(|stage: &mut StageSpan| stage.name = own());
    let beside = run.series.remove("discovery.a").unwrap();
    run.series.insert(format!("discovery.{poison}"), beside);
    run
}

#[test]
fn a_text_from_outside_stays_a_text() {
    for poison in
        ["<script>alert(1)</script>", "\"><img/src=x onerror=alert(1)>", "'onload='alert(1)", "</style></svg>"]
    {
        let evidence = poisoned(poison);
        let mut record = judged(&evidence);
        for finding in &mut record.findings {
            finding.reasons = vec![poison.to_owned(); 2];
        }
        record.blind_spots = vec![poison.to_owned()];
        let page = proofload_reports::render(&record, &evidence).unwrap();
        // Sentences begin with a capital, so the poison is looked for without its first letter.
        assert!(!page.contains(&poison[1..]), "{poison} went through");
        assert!(page.matches("alert(1)").count() >= 60 || poison.starts_with("</"), "{poison} is not shown");
        assert_eq!(page.matches("</style>").count(), 1);
    }
}

#[test]
fn an_empty_run_says_that_it_is_empty() {
    let page = page(&empty());
    let text = text_of(&page);
    for said in [
        "INCONCLUSIVE 0 of 6 documented targets are met, 6 cannot be told yet.",
        "This run was cut short.",
        "Nothing was measured: the run ended before this objective's turn.",
        "No arrival is on record.",
        "There were none in this run.",
        "Its state was not recorded.",
    ] {
        assert!(text.contains(said), "{said} is not said in {text}");
    }
    assert_eq!(page.matches("nothing was measured\n").count(), 12, "a chart does not say that it is empty");
}

#[test]
fn a_run_that_was_stopped_says_so_before_anything_else() {
    let mut evidence = killed();
    evidence.record.state = RunState::CutShort;
    let text = text_of(&page(&evidence));
    assert!(text.find("It was stopped before its end.").unwrap() < text.find("REST between services").unwrap());
    assert!(!text_of(&page(&all_met())).contains("This run was cut short."));
}

#[test]
fn evidence_that_nobody_judged_is_inconclusive() {
    let evidence = all_met();
    let page = proofload_reports::render(&evidence.record, &evidence).unwrap();
    assert!(text_of(&page).contains("INCONCLUSIVE 0 of 6"));
    assert!(text_of(&page).contains("Not judged yet."));
}

#[test]
fn what_is_not_a_number_is_not_shown_as_one() {
    let mut evidence = mixed();
    for second in &mut evidence.host {
        (second.busy, second.steal, second.generator_cores) = (f64::NAN, f64::INFINITY, f64::NEG_INFINITY);
    }
    evidence.record.header.host.cores = 0;
    if let Promise::QuantileBelow { limit, .. } = &mut evidence.record.header.objectives[0].promise {
        *limit = std::time::Duration::ZERO;
    }
    let mut record = judged(&evidence);
    for finding in &mut record.findings {
        (finding.n_eff, finding.design_effect) = (Some(f64::NAN), Some(f64::INFINITY));
        finding.interval = [Some(f64::NAN), Some(f64::INFINITY)];
    }
    let odd = proofload_reports::render(&record, &evidence).unwrap();
    for (name, page) in every_page().into_iter().chain([("odd", odd)]) {
        let words = page.split(|c: char| !c.is_ascii_alphanumeric());
        let found: Vec<_> =
            words.filter(|word| ["nan", "inf", "infinity"].contains(&word.to_lowercase().as_str())).collect();
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn an_unknown_figure_is_a_dash_and_never_nothing() {
    let evidence = all_met();
    let mut record = judged(&evidence);
    let finding = &mut record.findings[0];
    finding.measured = Measured::Quantile { limit_ms: 100.0, p95_ms: None };
    (finding.interval, finding.n_eff) = ([None, None], None);
    let page = proofload_reports::render(&record, &evidence).unwrap();
    let row = page.split("<tr class=\"pass\">").nth(1).unwrap().split("</tr>").next().unwrap();
    assert_eq!(row.matches("title=\"unknown\"").count(), 2, "{row}");
    assert!(text_of(row).contains("P95 – unknown"), "{row}");
}

#[test]
fn an_account_that_does_not_add_up_is_called_by_its_name() {
    let evidence = all_met();
    let mut record = judged(&evidence);
    assert!(!text_of(&page(&evidence)).contains("does not add up"));
    record.accounting = vec![Account {
        probe: "rest".into(),
        scheduled: 10,
        ok: 8,
        faults: 1,
        dropped: 0,
        faults_by_kind: [("timeout".to_owned(), 1)].into(),
    }];
    let page = proofload_reports::render(&record, &evidence).unwrap();
    assert!(text_of(&page).contains("rest 10 8 1 0 1 timeout does not add up"));
}

#[test]
fn a_verdict_is_told_by_word_and_symbol_and_not_by_colour_alone() {
    let page = page(&mixed());
    for (verdict, symbol) in [(Verdict::Pass, "pass"), (Verdict::Fail, "fail"), (Verdict::Inconclusive, "open")] {
        assert!(page.contains(&format!("<use href=\"#icon-{symbol}\"/></svg>{}</span>", verdict.word())));
    }
}
