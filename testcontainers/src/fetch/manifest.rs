//! The list of everything that is fetched (`parts.toml`), read into types.

use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};

const PARTS: &str = include_str!("../../parts.toml");

/// All that may be fetched.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) traefik: WheelPart,
    pub(crate) java: WheelPart,
    pub(crate) kafka: JarsPart,
}

/// A part that comes as one wheel for each kind of machine.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct WheelPart {
    pub(crate) package: String,
    pub(crate) version: String,
    /// The folder inside the wheel that is kept.
    pub(crate) root: String,
    /// Files below `root` that must be executable.
    pub(crate) executables: Vec<String>,
    pub(crate) wheels: Vec<Wheel>,
}

/// One wheel.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Wheel {
    os: String,
    arch: String,
    /// The platform tag that makes `pip` choose this wheel.
    pub(crate) platform: String,
    #[serde(flatten)]
    pub(crate) file: PinnedFile,
}

/// A part that comes as a folder of jars.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct JarsPart {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) jars: Vec<PinnedFile>,
}

/// A file and what it must be.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PinnedFile {
    pub(crate) file: String,
    pub(crate) bytes: u64,
    /// In lower-case hexadecimal.
    pub(crate) sha256: String,
}

impl Manifest {
    /// The list that was compiled in.
    pub(crate) fn embedded() -> Self {
        #[expect(clippy::expect_used, reason = "the text is part of this program, and a test reads it")]
        toml::from_str(PARTS).expect("parts.toml is well-formed")
    }
}

impl WheelPart {
    /// The wheel for the machine this program was built for.
    pub(crate) fn here(&self) -> Option<&Wheel> {
        self.wheels.iter().find(|wheel| wheel.os == std::env::consts::OS && wheel.arch == std::env::consts::ARCH)
    }
}

impl fmt::Display for WheelPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.version)
    }
}

impl JarsPart {
    /// The size of all jars together.
    pub(crate) fn bytes(&self) -> u64 {
        self.jars.iter().map(|jar| jar.bytes).sum()
    }

    /// One sum over all: changes when any jar does.
    pub(crate) fn sha256(&self) -> String {
        let mut all = Sha256::new();
        for jar in &self.jars {
            all.update(format!("{} {}\n", jar.sha256, jar.file));
        }
        hex(&all.finalize())
    }
}

impl fmt::Display for JarsPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.version)
    }
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_list_is_well_formed_and_every_sum_has_its_length() {
        let list = Manifest::embedded();
        let wheels = list.traefik.wheels.iter().chain(&list.java.wheels).map(|wheel| &wheel.file);
        for file in wheels.chain(&list.kafka.jars) {
            assert_eq!(file.sha256.len(), 64, "{}", file.file);
            assert!(file.bytes > 0, "{}", file.file);
        }
    }

    #[test]
    fn every_jar_of_the_list_is_pinned_in_the_pom_too() {
        let pom = include_str!("../native/kafka-pom.xml");
        for jar in Manifest::embedded().kafka.jars {
            let stem = jar.file.trim_end_matches(".jar");
            // The version begins at the first dash before a digit: zstd-jni-1.5.7-17
            let is_version = |at: &usize| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit());
            let dash = stem.match_indices('-').map(|(at, _)| at).find(is_version).unwrap();
            let (name, version) = (&stem[..dash], &stem[dash + 1..]);
            assert!(pom.contains(&format!("<artifactId>{name}</artifactId>")), "{}", jar.file);
            assert!(pom.contains(&format!("<version>{version}</version>")), "{}", jar.file);
        }
    }
}
