//! Parts of the page as they stand, for a reviewer to read.
#![allow(clippy::unwrap_used, reason = "a page without the part has failed the test")]

mod common;

/// The section with this id, its drawings left out.
fn section(page: &str, id: &str) -> String {
    let from = page.split(&format!("<section id=\"{id}\"")).nth(1).unwrap();
    let mut rest = from.split("</section>").next().unwrap();
    let mut shown = String::new();
    while let Some((before, after)) = rest.split_once("<svg") {
        shown.push_str(before);
        shown.push_str("<svg…>");
        rest = after.split_once("</svg>").unwrap().1;
    }
    shown + rest
}

#[test]
fn the_verdicts_of_a_run_in_which_every_kind_occurs() {
    insta::assert_snapshot!(section(&common::page(&common::mixed()), "verdicts"));
}

#[test]
fn an_objective_with_two_arms_and_a_witness() {
    insta::assert_snapshot!(section(&common::page(&common::all_met()), "objective-4"));
}

#[test]
fn an_objective_that_failed_with_something_beside_it() {
    insta::assert_snapshot!(section(&common::page(&common::mixed()), "objective-6"));
}

#[test]
fn the_accounting_and_the_users() {
    let page = common::page(&common::mixed());
    insta::assert_snapshot!([section(&page, "accounting"), section(&page, "users")].join("\n"));
}
