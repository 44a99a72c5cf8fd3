# The daily verbs; CI calls the same.

# Format, lints, licences.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo deny --offline check licenses bans sources

# Everything, the gates on the real stack included.
test:
    cargo test --workspace

# The six documented targets.
verify *ARGS:
    cargo run --release -- verify {{ARGS}}

# Recorder, pacer, judge.
bench:
    cargo bench -p proofload-evidence -p proofload-engine

# API documentation.
docs:
    cargo doc --workspace --no-deps --open
