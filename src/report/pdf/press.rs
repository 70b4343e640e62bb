//! Finished pages on their way into the file: page operations in, compressed content streams out.
//!
//! printpdf turns the operations of one page at a time into a stream, beside the layout of the next page, and the
//! operations are gone at once: they take up ten times as much memory as what they become. Each page is compressed by
//! itself, so the bytes do not depend on how many threads share the work.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use lopdf::{Object, Stream};
use printpdf::{Mm, Op, PdfDocument, PdfPage, PdfSaveOptions};

/// Where a stream belongs: the sheet, from 0, and the layer on it.
pub(super) type Place = (usize, Layer);

/// The layers of a sheet, in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// What is known only when the last sheet is: header, footer, table of contents.
    Frame,
    /// Everything else.
    Body,
}

type Job = (Place, Vec<Op>);
type Printed = Result<Vec<(Place, Stream)>, String>;

/// The workers.
pub(super) struct Press {
    jobs: SyncSender<Job>,
    workers: Vec<JoinHandle<Printed>>,
}

impl Press {
    pub(super) fn start() -> Self {
        let count = thread::available_parallelism().map_or(1, usize::from).min(4);
        let (jobs, queue) = sync_channel(count * 2);
        let queue = Arc::new(Mutex::new(queue));
        let workers = (0..count)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || work(&queue))
            })
            .collect();
        Self { jobs, workers }
    }

    /// Hands over a page. A worker that gave up says so in [`Press::finish`].
    pub(super) fn print(&self, place: Place, ops: Vec<Op>) {
        drop(self.jobs.send((place, ops)));
    }

    /// All streams, in the order of the sheets.
    pub(super) fn finish(self) -> Result<BTreeMap<Place, Stream>, String> {
        drop(self.jobs);
        let mut streams = BTreeMap::new();
        for worker in self.workers {
            let printed = worker.join().map_err(|_| "a page could not be written".to_owned())?;
            streams.extend(printed?);
        }
        Ok(streams)
    }
}

fn work(queue: &Mutex<Receiver<Job>>) -> Printed {
    let mut printed = Vec::new();
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((place, ops)) = job else { return Ok(printed) };
        printed.push((place, content(ops)?));
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
            // Short ones are not worth it and keep the room of their growth.
            stream.content.shrink_to_fit();
            Ok(stream)
        }
        _ => Err("printpdf wrote no content".to_owned()),
    }
}

/// `secure: false` lets operators through that printpdf has no name for.
pub(super) fn save_options() -> PdfSaveOptions {
    PdfSaveOptions {
        optimize: false,
        secure: false,
        image_optimization: None,
        ..PdfSaveOptions::default()
    }
}
