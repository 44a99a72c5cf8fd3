//! Watches the event topic and the completion topic, and matches what it sees with what was sent.
//!
//! Invariants: times are taken as soon as the client library hands a message over, in a thread
//! that does nothing else; an event that has ended is remembered for the whole run, so that a
//! second completion of it is seen however late it comes; a message that is not ours or makes no
//! sense is passed over.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::Deserialize;
use tokio::sync::oneshot;

use super::processing::Route;
use super::{Arrival, Disorder, kafka};
use crate::clock::RunClock;

const METADATA: Duration = Duration::from_secs(3);
/// Several polls of the watching thread.
const LAST_CHANCE: Duration = Duration::from_millis(500);

/// What a consuming service reports. Further fields are allowed.
#[derive(Debug, Deserialize)]
struct Completion {
    event_id: String,
    consumer: String,
    status: String,
    source_partition: i32,
    source_offset: i64,
}

/// What is known of one event.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    acknowledged: bool,
    /// It was sent while both topics were being watched.
    watched: bool,
    /// When an observer of the topic saw it.
    pub(super) transit_ns: Option<u64>,
    /// When the last of the consumers had reported.
    pub(super) finished_ns: Option<u64>,
    /// At least one consumer reported that its work failed.
    pub(super) failed: bool,
    due_ns: u64,
    /// A bit for each consumer that has reported.
    reported: u8,
}

#[derive(Debug, Default)]
struct State {
    events: HashMap<u64, Seen>,
    waiting: HashMap<u64, oneshot::Sender<()>>,
    /// Last source offset reported, by consumer and partition.
    last: HashMap<(usize, i32), i64>,
    disorder: Vec<Disorder>,
}

#[derive(Debug)]
struct Shared {
    /// Tells this run's events from those of others.
    tag: String,
    consumers: Vec<String>,
    state: Mutex<State>,
    ready: AtomicBool,
    stop: AtomicBool,
}

/// A thread that consumes both topics.
#[derive(Debug)]
pub(super) struct EventWatch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl EventWatch {
    pub(super) fn start(clock: RunClock, route: &Route<'_>) -> Result<Self, String> {
        if route.consumers.is_empty() || route.consumers.len() > 8 {
            return Err(format!("{} consumers are named; 1 to 8 can be watched", route.consumers.len()));
        }
        let consumer: BaseConsumer = kafka::config(route.brokers, kafka::consumer_settings())
            .create()
            .map_err(|e| format!("a consumer for {}: {e}", route.brokers))?;
        let shared = Arc::new(Shared {
            tag: format!("{:08x}", fastrand::u32(..)),
            consumers: route.consumers.to_vec(),
            state: Mutex::default(),
            ready: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let (topic, completions) = (route.topic.to_owned(), route.completions.to_owned());
        let watched = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("event-watch".to_owned())
            .spawn(move || watched.run(clock, &consumer, &topic, &completions))
            .map_err(|e| format!("a thread: {e}"))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Waits until both topics are watched from their present ends, but not for ever: a broker
    /// that is down shows in the arrivals.
    pub(super) async fn ready(&self, at_most: Duration) {
        let step = Duration::from_millis(20);
        for _ in 0..at_most.as_millis() / step.as_millis() {
            if self.shared.ready.load(Ordering::Acquire) {
                return;
            }
            tokio::time::sleep(step).await;
        }
    }

    pub(super) fn event_id(&self, index: u64) -> String {
        format!("{}-{index}", self.shared.tag)
    }

    /// From now on completions of this event count. The receiver wakes when it is finished.
    pub(super) fn expect(&self, arrival: Arrival) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let watched = self.shared.ready.load(Ordering::Acquire);
        let mut state = self.shared.state();
        state.events.insert(arrival.index, Seen { due_ns: arrival.due_ns, watched, ..Seen::default() });
        state.waiting.insert(arrival.index, sender);
        receiver
    }

    pub(super) fn acknowledged(&self, index: u64) {
        if let Some(seen) = self.shared.state().events.get_mut(&index) {
            seen.acknowledged = true;
        }
    }

    /// Ends the wait and tells what was seen.
    pub(super) fn give_up(&self, index: u64) -> Seen {
        let mut state = self.shared.state();
        state.waiting.remove(&index);
        state.events.get(&index).copied().unwrap_or_default()
    }

    /// Gives what is still in the client library's hands a last chance, then counts as lost what was
    /// acknowledged, watched for, and not reported by everyone. Late is not lost: an event whose
    /// wait ran out but that was reported since is none of them.
    pub(super) async fn look_for_losses(&self) {
        tokio::time::sleep(LAST_CHANCE).await;
        let everyone = self.shared.everyone();
        let mut state = self.shared.state();
        let lost = |seen: &&Seen| seen.acknowledged && seen.watched && seen.reported != everyone;
        let lost: Vec<_> =
            state.events.values().filter(lost).map(|seen| Disorder::Lost { due_ns: seen.due_ns }).collect();
        state.disorder.extend(lost);
    }

    pub(super) fn take_disorder(&self) -> Vec<Disorder> {
        std::mem::take(&mut self.shared.state().disorder)
    }
}

impl Drop for EventWatch {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, clock: RunClock, consumer: &BaseConsumer, topic: &str, completions: &str) {
        while !self.stop.load(Ordering::Acquire) {
            if assign_from_end(consumer, &[topic, completions]).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.ready.store(true, Ordering::Release);
        while !self.stop.load(Ordering::Acquire) {
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
            let now_ns = clock.now_ns();
            if message.topic() == topic {
                if let Some(index) = message.key().and_then(|key| self.index(std::str::from_utf8(key).ok()?)) {
                    self.in_transit(index, now_ns);
                }
            } else if let Some(Ok(done)) = message.payload().map(serde_json::from_slice::<Completion>) {
                self.completed(&done, now_ns);
            }
        }
    }

    /// The bits of all consumers.
    fn everyone(&self) -> u8 {
        u8::MAX >> (8 - self.consumers.len())
    }

    fn index(&self, event_id: &str) -> Option<u64> {
        event_id.strip_prefix(self.tag.as_str())?.strip_prefix('-')?.parse().ok()
    }

    fn in_transit(&self, index: u64, now_ns: u64) {
        let mut state = self.state();
        if let Some(seen) = state.events.get_mut(&index) {
            seen.transit_ns.get_or_insert(now_ns);
        }
        state.wake_if_done(index);
    }

    fn completed(&self, done: &Completion, now_ns: u64) {
        let Some(who) = self.consumers.iter().position(|name| *name == done.consumer) else { return };
        let mut state = self.state();
        let last = state.last.insert((who, done.source_partition), done.source_offset);
        let Some(index) = self.index(&done.event_id) else { return };
        let everyone = self.everyone();
        let Some(seen) = state.events.get_mut(&index) else { return };
        let due_ns = seen.due_ns;
        let again = seen.reported & (1 << who) != 0;
        seen.reported |= 1 << who;
        seen.failed |= done.status != "done";
        if seen.reported == everyone {
            seen.finished_ns.get_or_insert(now_ns);
        }
        if again {
            state.disorder.push(Disorder::Duplicated { due_ns });
        } else if last.is_some_and(|last| last > done.source_offset) {
            state.disorder.push(Disorder::Reordered { due_ns });
        }
        state.wake_if_done(index);
    }
}

impl State {
    /// Both the consumers' work and the broker's part are known.
    fn wake_if_done(&mut self, index: u64) {
        let done = |seen: &Seen| seen.finished_ns.is_some() && seen.transit_ns.is_some();
        if self.events.get(&index).is_some_and(done)
            && let Some(waiting) = self.waiting.remove(&index)
        {
            let _ = waiting.send(());
        }
    }
}

/// Every partition from where it ends now. Not `Offset::End`, which is looked up only later, when
/// the first events may be past.
fn assign_from_end(consumer: &BaseConsumer, topics: &[&str]) -> Result<(), rdkafka::error::KafkaError> {
    let mut list = TopicPartitionList::new();
    for topic in topics {
        let metadata = consumer.fetch_metadata(Some(topic), METADATA)?;
        let partitions: Vec<_> = metadata.topics().iter().flat_map(|t| t.partitions()).collect();
        if partitions.is_empty() {
            return Err(rdkafka::error::KafkaError::Subscription(format!("{topic} has no partitions")));
        }
        for partition in partitions {
            let (_, high) = consumer.fetch_watermarks(topic, partition.id(), METADATA)?;
            list.add_partition_offset(topic, partition.id(), Offset::Offset(high))?;
        }
    }
    consumer.assign(&list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(consumers: &[&str]) -> Shared {
        Shared {
            tag: "t".to_owned(),
            consumers: consumers.iter().map(ToString::to_string).collect(),
            state: Mutex::default(),
            ready: AtomicBool::new(true),
            stop: AtomicBool::new(false),
        }
    }

    fn expect(shared: &Shared, index: u64) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut state = shared.state();
        state.events.insert(index, Seen { due_ns: index, ..Seen::default() });
        state.waiting.insert(index, sender);
        receiver
    }

    fn completion(index: u64, consumer: &str, offset: i64) -> Completion {
        Completion {
            event_id: format!("t-{index}"),
            consumer: consumer.to_owned(),
            status: "done".to_owned(),
            source_partition: 0,
            source_offset: offset,
        }
    }

    #[test]
    fn an_event_is_finished_when_the_last_consumer_has_reported() {
        let shared = watched(&["a", "b"]);
        let mut waiting = expect(&shared, 1);
        shared.in_transit(1, 10);
        shared.completed(&completion(1, "a", 5), 20);
        assert!(waiting.try_recv().is_err());
        shared.completed(&completion(1, "b", 5), 30);
        assert!(waiting.try_recv().is_ok());
        assert_eq!(shared.state().events[&1].finished_ns, Some(30));
        assert!(shared.state().disorder.is_empty());
    }

    #[test]
    fn a_second_report_is_a_duplicate_even_after_the_end() {
        let shared = watched(&["a"]);
        let _waiting = expect(&shared, 7);
        shared.completed(&completion(7, "a", 5), 20);
        shared.completed(&completion(7, "a", 5), 900);
        assert_eq!(shared.state().disorder, [Disorder::Duplicated { due_ns: 7 }]);
        assert_eq!(shared.state().events[&7].finished_ns, Some(20));
    }

    #[test]
    fn a_report_that_overtakes_another_is_disorder_also_where_the_other_is_not_ours() {
        let shared = watched(&["a"]);
        let _waiting = expect(&shared, 1);
        shared.completed(&Completion { event_id: "other".to_owned(), ..completion(0, "a", 6) }, 10);
        shared.completed(&completion(1, "a", 5), 20);
        assert_eq!(shared.state().disorder, [Disorder::Reordered { due_ns: 1 }]);
    }

    #[tokio::test(start_paused = true)]
    async fn lost_is_what_was_acknowledged_and_never_reported_by_everyone() {
        let watch = EventWatch { shared: Arc::new(watched(&["a", "b"])), thread: None };
        for index in 1..=4 {
            let _waiting = watch.expect(Arrival { index, due_ns: index });
        }
        // 1: reported late, 2: by one only, 3: not acknowledged, 4: by nobody, but not watched for.
        for index in [1, 2, 4] {
            watch.acknowledged(index);
        }
        watch.shared.state().events.get_mut(&4).unwrap().watched = false;
        assert!(watch.give_up(1).finished_ns.is_none());
        for consumer in ["a", "b"] {
            watch.shared.completed(&completion(1, consumer, 1), 50);
        }
        watch.shared.completed(&completion(2, "a", 2), 60);
        watch.look_for_losses().await;
        assert_eq!(watch.take_disorder(), [Disorder::Lost { due_ns: 2 }]);
    }

    #[test]
    fn reports_of_strangers_and_of_others_events_are_passed_over() {
        let shared = watched(&["a"]);
        shared.completed(&completion(1, "stranger", 5), 10);
        shared.completed(&completion(99, "a", 5), 10);
        assert!(shared.state().events.is_empty());
    }
}
