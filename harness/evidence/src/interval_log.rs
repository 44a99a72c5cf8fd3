//! Intervals as lines: histograms in the standard HdrHistogram log format (version 1.3, readable
//! by every HdrHistogram tool), exact counts as JSON lines beside it.
//!
//! Invariants: a line is written whole or, in a killed run, lost whole; lines of the same series
//! and second add up; a torn last line is passed over, any other damage is an error.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

use crate::counts::Counts;
use crate::error::EvidenceError;
use crate::evidence::{Second, Series};
use crate::interval::{Interval, LatencyHistogram, Tally};

const LATENCY: &str = "latency";
const SERVICE: &str = "service";
const LAG: &str = "lag";

/// One line of `tally.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
struct TallyLine {
    series: String,
    second: u32,
    #[serde(flatten)]
    tally: Tally,
}

/// The first lines of a histogram log.
pub(crate) fn write_head(out: &mut impl Write, started_at_s: f64) -> io::Result<()> {
    writeln!(out, "#[Histogram log format version 1.3]")?;
    writeln!(out, "#[Nanoseconds; Tag=SERIES.latency|service|lag; the start is the second of the run's due times]")?;
    writeln!(out, "#[StartTime: {started_at_s:.3} (seconds since epoch)]")?;
    writeln!(out, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"")
}

/// Writes an interval's histograms to `hlog` and its counts to `tally`.
pub(crate) fn write_interval(
    hlog: &mut impl Write,
    tally: &mut impl Write,
    serializer: &mut V2DeflateSerializer,
    interval: &Interval,
) -> io::Result<()> {
    for (kind, histogram) in [(LATENCY, &interval.latency), (SERVICE, &interval.service), (LAG, &interval.lag)] {
        if !histogram.is_empty() {
            write_histogram(hlog, serializer, interval, kind, histogram)?;
        }
    }
    let line = TallyLine { series: interval.series.clone(), second: interval.second, tally: interval.tally.clone() };
    serde_json::to_writer(&mut *tally, &line)?;
    tally.write_all(b"\n")
}

fn write_histogram(
    out: &mut impl Write,
    serializer: &mut V2DeflateSerializer,
    interval: &Interval,
    kind: &str,
    histogram: &LatencyHistogram,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    serializer.serialize(histogram, &mut bytes).map_err(io::Error::other)?;
    // The format's maximum is in milliseconds where the values are nanoseconds.
    let max_ms = histogram.max() as f64 / 1e6;
    writeln!(out, "Tag={}.{kind},{}.000,1.000,{max_ms:.3},{}", interval.series, interval.second, STANDARD.encode(bytes))
}

/// Reads both logs of a run back into its series.
pub(crate) fn read(hlog: &Path, tally: &Path) -> Result<BTreeMap<String, Series>, EvidenceError> {
    let mut all = BTreeMap::<String, Series>::new();
    read_tallies(tally, &mut all)?;
    read_histograms(hlog, &mut all)?;
    Ok(all)
}

fn second<'a>(all: &'a mut BTreeMap<String, Series>, series: &str, at: u32) -> &'a mut Second {
    if !all.contains_key(series) {
        all.insert(series.to_owned(), Series::default());
    }
    #[expect(clippy::unwrap_used, reason = "inserted above")]
    all.get_mut(series).unwrap().seconds.entry(at).or_default()
}

/// The text of a log up to its last complete line.
fn whole_lines(path: &Path) -> Result<Vec<u8>, EvidenceError> {
    let mut bytes = std::fs::read(path).map_err(EvidenceError::io("read", path))?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.truncate(end);
    Ok(bytes)
}

fn read_tallies(path: &Path, all: &mut BTreeMap<String, Series>) -> Result<(), EvidenceError> {
    for (number, line) in whole_lines(path)?.split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let line: TallyLine = serde_json::from_slice(line)
            .map_err(|e| EvidenceError::malformed(path, format!("line {}: {e}", number + 1)))?;
        second(all, &line.series, line.second).tally.add(&line.tally);
    }
    Ok(())
}

fn read_histograms(path: &Path, all: &mut BTreeMap<String, Series>) -> Result<(), EvidenceError> {
    let bytes = whole_lines(path)?;
    let mut deserializer = Deserializer::new();
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let malformed = |problem: &str| {
            EvidenceError::malformed(path, format!("line {}: not a histogram log line: {problem}", number + 1))
        };
        // One line at a time, so that an error can name its line.
        let Some(entry) = IntervalLogIterator::new(line).next() else { continue };
        let LogEntry::Interval(entry) = entry.map_err(|e| malformed(&format!("{e:?}")))? else { continue };
        let tag = entry.tag().map(|tag| tag.as_str().to_owned()).unwrap_or_default();
        let (series, kind) = tag.rsplit_once('.').ok_or_else(|| malformed("its tag names no series and kind"))?;
        let encoded = STANDARD.decode(entry.encoded_histogram()).map_err(|e| malformed(&e.to_string()))?;
        let histogram: Histogram<u32> =
            deserializer.deserialize(&mut encoded.as_slice()).map_err(|e| malformed(&format!("{e:?}")))?;
        let slot = second(all, series, entry.start_timestamp().as_secs() as u32);
        let counts = Counts::of(&histogram);
        match kind {
            LATENCY => slot.latency.add(&counts),
            SERVICE => slot.service.add(&counts),
            LAG => slot.lag.add(&counts),
            other => return Err(malformed(&format!("`{other}` is none of latency, service, lag"))),
        }
    }
    Ok(())
}
