//! Finished pages on their way into the file: page operations in, compressed content streams out.
//!
//! printpdf turns the operations of one page at a time into a stream, beside the layout of the next page, and the
//! operations are gone at once: they take up ten times as much memory as what they become. Each page is compressed by
//! itself, so the bytes do not depend on how many threads share the work.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use lopdf::{Dictionary, Object, Stream};
use printpdf::{Mm, Op, PdfDocument, PdfPage, PdfSaveOptions};

/// Where a stream belongs: the sheet, from 0, and the layer on it.
pub(crate) type Place = (usize, Layer);

/// The layers of a sheet, in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    /// What is known only when the last sheet is: header, footer, table of contents.
    Frame,
    /// Everything else.
    Body,
}

type Job = (Place, Vec<Op>);
type Printed = Result<(Place, Stream), String>;

/// The workers, and what they have done.
pub(crate) struct Press {
    jobs: SyncSender<Job>,
    printed: Receiver<Printed>,
    workers: Vec<JoinHandle<()>>,
    streams: BTreeMap<Place, Stream>,
    failure: Option<String>,
}

impl Press {
    pub(crate) fn start() -> Self {
        let count = thread::available_parallelism().map_or(1, usize::from).min(4);
        let (jobs, queue) = sync_channel(count * 2);
        let (done, printed) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let workers = (0..count)
            .map(|_| {
                let (queue, done) = (Arc::clone(&queue), done.clone());
                thread::spawn(move || work(&queue, &done))
            })
            .collect();
        Self {
            jobs,
            printed,
            workers,
            streams: BTreeMap::new(),
            failure: None,
        }
    }

    /// Hands over a page. A worker that gave up says so in [`Press::finish`].
    pub(crate) fn print(&mut self, place: Place, ops: Vec<Op>) {
        drop(self.jobs.send((place, ops)));
        while let Ok(printed) = self.printed.try_recv() {
            self.keep(printed);
        }
    }

    /// Copies what a worker made: left where it is, it would pin the memory that the worker took for the page around it.
    fn keep(&mut self, printed: Printed) {
        match printed {
            Ok((place, stream)) => {
                let mut copy = Stream::new(Dictionary::new(), stream.content.as_slice().to_vec());
                if stream.is_compressed() {
                    copy.dict.set("Filter", "FlateDecode");
                }
                self.streams.insert(place, copy);
            }
            Err(why) => self.failure = Some(why),
        }
    }

    /// All streams, in the order of the sheets.
    pub(crate) fn finish(mut self) -> Result<BTreeMap<Place, Stream>, String> {
        let (jobs, _) = sync_channel(0);
        drop(std::mem::replace(&mut self.jobs, jobs));
        while let Ok(printed) = self.printed.recv() {
            self.keep(printed);
        }
        for worker in self.workers {
            worker.join().map_err(|_| "a page could not be written".to_owned())?;
        }
        self.failure.map_or(Ok(self.streams), Err)
    }
}

fn work(queue: &Mutex<Receiver<Job>>, done: &Sender<Printed>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((place, ops)) = job else { return };
        if done.send(content(ops).map(|stream| (place, stream))).is_err() {
            return;
        }
    }
}

/// The content stream of one page.
fn content(ops: Vec<Op>) -> Result<Stream, String> {
    let mut pdf = PdfDocument::new("");
    pdf.pages.push(PdfPage::new(Mm(1.0), Mm(1.0), ops));
    let mut warnings = Vec::new();
    let mut file = pdf.to_lopdf_document(&save_options(), &mut warnings);
    drop(pdf);
    if let Some(warning) = warnings.first() {
        return Err(warning.msg.clone());
    }
    let page = file.page_iter().next().ok_or("printpdf wrote no page")?;
    let content = file
        .get_dictionary(page)
        .and_then(|page| page.get(b"Contents"))
        .and_then(Object::as_reference)
        .map_err(|error| error.to_string())?;
    match file.objects.remove(&content) {
        Some(Object::Stream(mut stream)) => {
            stream.compress().map_err(|error| error.to_string())?;
            Ok(stream)
        }
        _ => Err("printpdf wrote no content".to_owned()),
    }
}

/// `secure: false` lets operators through that printpdf has no name for.
pub(crate) fn save_options() -> PdfSaveOptions {
    PdfSaveOptions {
        optimize: false,
        secure: false,
        image_optimization: None,
        ..PdfSaveOptions::default()
    }
}
