//! What the machine has: programs on PATH and where the environment says Java and Kafka are.
//!
//! The environment is read once, into a value, so that a test can say what the machine has.

use std::{
    env,
    ffi::{OsStr, OsString},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use tokio::{process::Command, time::timeout};

/// The oldest Java that Kafka 4 runs on.
pub(crate) const JAVA_NEEDED: u32 = 17;
/// Asking a program for its version must not take longer.
const VERSION_DEADLINE: Duration = Duration::from_secs(20);

/// Where to look for what is already there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lookup {
    /// `PATH`.
    pub(crate) path: Option<OsString>,
    /// `JAVA_HOME`.
    pub(crate) java_home: Option<PathBuf>,
    /// `KAFKA_HOME`.
    pub(crate) kafka_home: Option<PathBuf>,
}

/// A program that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) program: PathBuf,
    pub(crate) version: String,
    /// Where from, for the report: `PATH /usr/bin/java`.
    pub(crate) origin: String,
}

impl Lookup {
    pub(crate) fn from_env() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            path: set("PATH"),
            java_home: set("JAVA_HOME").map(PathBuf::from),
            kafka_home: set("KAFKA_HOME").map(PathBuf::from),
        }
    }

    /// The first executable file of this name on PATH.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(self.path.as_ref()?).map(|dir| dir.join(name)).find(|file| is_executable(file))
    }

    /// A `pip` that works: a shim or a leftover of another Python would be found and fail.
    pub(crate) async fn pip(&self) -> Option<Vec<OsString>> {
        let as_module = ["-m", "pip"];
        for (name, args) in [("pip", &as_module[..0]), ("pip3", &as_module[..0]), ("python3", &as_module[..])] {
            let Some(program) = self.program(name) else { continue };
            let mut words = vec![program.into_os_string()];
            words.extend(args.iter().map(OsString::from));
            if ask(&words[0], words[1..].iter().map(OsString::as_os_str).chain([OsStr::new("--version")]))
                .await
                .is_some()
            {
                return Some(words);
            }
        }
        None
    }

    /// A Java that Kafka runs on, or what was found instead.
    pub(crate) async fn java(&self) -> Result<Found, String> {
        let mut seen = Vec::new();
        let homes = self.java_home.iter().map(|home| ("JAVA_HOME", Some(home.join("bin/java"))));
        for (place, program) in homes.chain([("PATH", self.program("java"))]) {
            let Some(program) = program else {
                seen.push(format!("{place}: none"));
                continue;
            };
            match java_version(&program).await {
                Some(version) if java_major(&version) >= Some(JAVA_NEEDED) => {
                    let origin = format!("{place} {}", program.display());
                    return Ok(Found { program, version, origin });
                }
                Some(version) => seen.push(format!("{place}: {} is Java {version}", program.display())),
                None => seen.push(format!("{place}: {} does not run", program.display())),
            }
        }
        if self.java_home.is_none() {
            seen.insert(0, "JAVA_HOME: not set".to_owned());
        }
        Err(seen.join(", "))
    }

    /// A Traefik 3 on PATH, or what was found instead.
    pub(crate) async fn traefik(&self) -> Result<Found, String> {
        let Some(program) = self.program("traefik") else {
            return Err("PATH: none".to_owned());
        };
        let version = ask(&program, ["version"]).await.and_then(|output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let line = text.lines().find_map(|line| line.strip_prefix("Version:"))?;
            Some(line.trim().trim_start_matches('v').to_owned())
        });
        match version {
            Some(version) if version.starts_with("3.") => {
                let origin = format!("PATH {}", program.display());
                Ok(Found { program, version, origin })
            }
            Some(version) => Err(format!("PATH: {} is Traefik {version}", program.display())),
            None => Err(format!("PATH: {} does not say its version", program.display())),
        }
    }
}

/// The version as Java prints it: `17.0.15`, `25.0.2`, `1.8.0_402`.
async fn java_version(program: &Path) -> Option<String> {
    let output = ask(program, ["-version"]).await?;
    // Java prints it on standard error, as: openjdk version "17.0.15" 2025-04-15
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let (_, rest) = text.split_once("version \"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn java_major(version: &str) -> Option<u32> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match numbers.next()?.ok()? {
        // Up to Java 8 the version began with "1."
        1 => numbers.next()?.ok(),
        major => Some(major),
    }
}

/// The output of a program that ends well within the deadline; it is killed if it does not.
async fn ask<I: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = I>) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(VERSION_DEADLINE, command.output()).await.ok()?.ok()?;
    output.status.success().then_some(output)
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn script(dir: &Path, name: &str, body: &str) -> PathBuf {
        let file = dir.join(name);
        fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn java_versions_of_all_times_are_read() {
        for (text, major) in [("17.0.15", 17), ("25.0.2", 25), ("1.8.0_402", 8), ("26-ea", 26), ("21", 21)] {
            assert_eq!(java_major(text), Some(major), "{text}");
        }
        assert_eq!(java_major("unknown"), None);
    }

    #[tokio::test]
    async fn a_java_that_is_too_old_is_passed_over_and_named() {
        let dir = tempfile::tempdir().unwrap();
        script(dir.path(), "java", r#"echo 'openjdk version "11.0.2" 2019-01-15' >&2"#);
        let lookup = Lookup { path: Some(dir.path().into()), ..Lookup::default() };

        let seen = lookup.java().await.unwrap_err();

        assert!(seen.contains("is Java 11.0.2"), "{seen}");
        assert!(seen.contains("JAVA_HOME: not set"), "{seen}");
    }

    #[tokio::test]
    async fn a_pip_that_does_not_work_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        script(dir.path(), "pip", "exit 127");
        let pip3 = script(dir.path(), "pip3", "echo pip 23");
        let lookup = Lookup { path: Some(dir.path().into()), ..Lookup::default() };

        assert_eq!(lookup.pip().await, Some(vec![pip3.into_os_string()]));
    }

    #[tokio::test]
    async fn only_traefik_3_is_taken_from_path() {
        let dir = tempfile::tempdir().unwrap();
        let lookup = Lookup { path: Some(dir.path().into()), ..Lookup::default() };
        script(dir.path(), "traefik", "echo 'Version:      2.11.0'");
        assert!(lookup.traefik().await.unwrap_err().contains("is Traefik 2.11.0"));

        script(dir.path(), "traefik", "echo 'Version:      3.6.1'");
        assert_eq!(lookup.traefik().await.unwrap().version, "3.6.1");
    }
}
