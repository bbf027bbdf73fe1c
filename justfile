# What CI runs, piece by piece, and what people do now and then.

# List the recipes.
default:
    @just --list --unsorted

# Everything, as CI does it: nothing may be skipped, caches lie outside the checkout.
ci:
    .ci/run

# The README's test command. What needs Go or Python is skipped aloud where they are missing.
test:
    .ci/run test

# Every single fault at every moment of the lab's rollouts, and the planted bugs: half an hour or so on two idle cores;
# `just search --every 8` plays one of eight.
search *arguments:
    cargo run --release --package weir-lab --example search -- {{arguments}}

# The properties of all crates from another seed; what fails is kept in proptest-regressions and tried from then on.
properties seed:
    PROPTEST_RNG_SEED={{seed}} cargo test --workspace --lib

# Clippy on every target; a warning is an error.
lint:
    .ci/run lint

# Whether the code is formatted; `cargo fmt` formats it.
format:
    .ci/run format

# Misspelt words.
spelling:
    .ci/run spelling

# Whether the recipe of the image is a good one; `docker build -t weir .` builds the image.
image:
    .ci/run image

# Licences, bans, sources and advisories of the dependencies.
deny:
    .ci/run deny

# The documentation of the crates; a warning is an error.
document:
    .ci/run document

# Install what the checks need and the machine lacks.
prepare:
    .ci/run prepare

# Bring the generated files up to date; a test says when they are not.
generate:
    cargo run --quiet -- crds --output-dir crds
    cargo run --quiet -- crds --output-dir charts/weir/files/crds
    cargo run --quiet -- iam-policy --owner-id acme-production > docs/iam-policy.json
    WEIR_UPDATE=1 cargo test --quiet --workspace --test weir -- layout::fields upgrades

# Build, push and sign a release, with SBOM and provenance: docs/releasing.md tells how.
release registry version rust_image:
    .ci/release {{registry}} {{version}} {{rust_image}}
