//! Kafka's jars: resolved and fetched by `mvn` from a pom in which every version is pinned.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Call, Fetcher, Progress, client, manifest::JarsPart, verify};
use crate::error::{IoContext, StackError};

const POM: &str = include_str!("../native/kafka-pom.xml");

impl Fetcher {
    /// Whether the jars are cached or can be tried to be fetched.
    pub(crate) fn can_get_jars(&self, part: &JarsPart) -> Result<(), StackError> {
        if self.store.has(&part.to_string(), &part.sha256()) { Ok(()) } else { self.mvn(part).map(drop) }
    }

    /// The directory with the jars. `java_home` is for `mvn`, where it would find no Java itself.
    pub(crate) async fn jars(&self, part: &JarsPart, java_home: Option<&Path>) -> Result<PathBuf, StackError> {
        let make = async |draft: &Path| {
            let mvn = self.mvn(part)?;
            self.events().stage(format!("fetching {part} (once)"));
            self.resolve(part, &mvn, java_home, draft).await
        };
        self.store.get_or_make(&part.to_string(), &part.sha256(), make).await
    }

    fn mvn(&self, part: &JarsPart) -> Result<PathBuf, StackError> {
        self.lookup.program("mvn").ok_or_else(|| StackError::Missing {
            what: format!("Apache Kafka {}", part.version),
            looked: "KAFKA_HOME: not set".to_owned(),
            why_not: "`mvn` is not on PATH".to_owned(),
            remedy: "install Maven with `apt-get install maven` or `brew install maven`, \
                     or set KAFKA_HOME to an unpacked Kafka 4"
                .to_owned(),
        })
    }

    async fn resolve(
        &self,
        part: &JarsPart,
        mvn: &Path,
        java_home: Option<&Path>,
        draft: &Path,
    ) -> Result<(), StackError> {
        let pom = draft.join("pom.xml");
        fs::write(&pom, POM).context("write", &pom)?;
        let mut command = vec![mvn.into()];
        command.extend(
            ["--batch-mode", "dependency:copy-dependencies", "-DincludeScope=runtime", "--file"].map(Into::into),
        );
        command.push(pom.into());
        command.push(format!("-DoutputDirectory={}", draft.display()).into());
        let mut call = Call::download(part.to_string(), command);
        call.env.extend(java_home.map(|home| ("JAVA_HOME", home.to_owned())));
        let mut progress = Progress::new(self.events(), part.to_string(), draft, part.bytes());
        client::run(&self.executable, &call, &mut progress, |line, progress| {
            progress.elsewhere_bytes += downloaded_bytes(part, line);
        })
        .await?;
        for jar in &part.jars {
            if !draft.join(&jar.file).is_file() {
                return Err(StackError::Incomplete { what: part.to_string(), file: jar.file.clone() });
            }
            verify(draft, jar).await?;
        }
        remove_unlisted(part, draft)?;
        progress.finish();
        Ok(())
    }
}

/// What is not on the list was not checked, so it must not get on the class path.
fn remove_unlisted(part: &JarsPart, dir: &Path) -> Result<(), StackError> {
    for entry in fs::read_dir(dir).context("read", dir)?.flatten() {
        let listed = part.jars.iter().any(|jar| entry.file_name() == jar.file.as_str());
        if !listed {
            fs::remove_file(entry.path()).context("remove", entry.path())?;
        }
    }
    Ok(())
}

/// Maven copies the jars only when it has them all; until then its output tells how far it is:
/// "Downloaded from REPOSITORY: ADDRESS/NAME.jar (SIZE at SPEED)".
fn downloaded_bytes(part: &JarsPart, line: &str) -> u64 {
    let Some((_, rest)) = line.split_once("Downloaded from ") else { return 0 };
    let Some(address) = rest.split_whitespace().nth(1) else { return 0 };
    part.jars.iter().find(|jar| address.rsplit('/').next() == Some(jar.file.as_str())).map_or(0, |jar| jar.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Manifest;

    #[test]
    fn a_jar_that_maven_has_downloaded_counts_with_its_size() {
        let kafka = Manifest::embedded().kafka;
        let jar = &kafka.jars[0];
        let line = format!("[INFO] Downloaded from mirror: https://repository/a/b/{} (177 kB at 1.2 MB/s)", jar.file);
        assert_eq!(downloaded_bytes(&kafka, &line), jar.bytes);
        assert_eq!(
            downloaded_bytes(&kafka, "[INFO] Downloaded from mirror: https://repository/a/plugin.jar (1 kB)"),
            0
        );
        assert_eq!(downloaded_bytes(&kafka, "[INFO] BUILD SUCCESS"), 0);
    }
}
