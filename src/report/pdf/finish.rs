//! From sheets to bytes: font subsets, bookmarks, metadata, identifiers, compression.
//!
//! Nothing here depends on a clock or on chance. printpdf fills the file identifier from a counter of the process, so it is
//! replaced by a digest of what the document says.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use printpdf::{
    DictItem, FontId, Mm, OffsetDateTime, Op, PdfDocument, PdfFont, PdfFontHandle, PdfPage, PdfSaveOptions, Pt,
    TextItem,
};
use sha2::{Digest, Sha256};

use super::doc::{Doc, Mark};
use super::fonts::{Codes, Face, Fonts};
use super::page::Page;
use crate::report::Report;

/// Writes the file.
pub(super) fn bytes(doc: Doc<'_>, report: &Report) -> Result<Vec<u8>, String> {
    let Doc {
        fonts,
        template,
        pages,
        marks,
        ..
    } = doc;
    let mut pdf = PdfDocument::new(&format!("{}: {}", template.title, template.subtitle));
    describe(&mut pdf, report, &template.organisation);
    let (codes, carrier, digest) = embed_fonts(&mut pdf, fonts, &pages)?;
    pdf.pages = pages.into_iter().map(|page| page.into_pdf(&codes)).collect();
    pdf.pages.push(carrier);
    let mut warnings = Vec::new();
    // `secure: false` lets the operator `Tj` through, which the pages spell out themselves.
    let options = PdfSaveOptions {
        optimize: false,
        secure: false,
        image_optimization: None,
        ..PdfSaveOptions::default()
    };
    let mut file = pdf.to_lopdf_document(&options, &mut warnings);
    drop(pdf);
    if let Some(warning) = warnings.first() {
        return Err(warning.msg.clone());
    }
    file.version = "1.7".to_owned();
    let id = DictItem::Bytes(digest[..16].to_vec());
    file.trailer.set("ID", DictItem::Array(vec![id.clone(), id]).to_lopdf());
    let info = file
        .trailer
        .get(b"Info")
        .and_then(|info| info.as_reference())
        .map_err(words)?;
    let info = file.get_dictionary_mut(info).map_err(words)?;
    for empty_claim in [&b"GTS_PDFXVersion"[..], b"Identifier", b"Trapped"] {
        info.remove(empty_claim);
    }
    // The carrier has served its purpose once the fonts are in the file.
    let mut sheets: Vec<(u32, u16)> = file.page_iter().collect();
    let page = sheets
        .pop()
        .and_then(|id| file.objects.remove(&id))
        .ok_or("the carrier of the fonts is missing")?;
    for part in [&b"Contents"[..], b"Resources"] {
        let part = page
            .as_dict()
            .and_then(|page| page.get(part))
            .and_then(|part| part.as_reference());
        file.objects.remove(&part.map_err(words)?);
    }
    let mut next = file.max_id + 1;
    let outline = outline(&marks, &sheets, &mut next);
    let root = outline.first().map(|(id, _)| *id);
    for (id, object) in outline {
        file.set_object((id, 0), object.to_lopdf());
    }
    file.max_id = next - 1;
    let catalog = file.catalog_mut().map_err(words)?;
    let tree = catalog
        .get(b"Pages")
        .and_then(|pages| pages.as_reference())
        .map_err(words)?;
    for (key, value) in catalog_entries(root) {
        catalog.set(key, value.to_lopdf());
    }
    let tree = file.get_dictionary_mut(tree).map_err(words)?;
    let kids = sheets
        .iter()
        .map(|&(obj, r#gen)| DictItem::Ref { obj, r#gen })
        .collect();
    tree.set("Kids", DictItem::Array(kids).to_lopdf());
    tree.set(
        "Count",
        DictItem::Int(i64::try_from(sheets.len()).unwrap_or(i64::MAX)).to_lopdf(),
    );
    let mut streams: Vec<_> = file
        .objects
        .values_mut()
        .filter_map(|object| object.as_stream_mut().ok())
        .collect();
    let share = streams
        .len()
        .div_ceil(thread::available_parallelism().map_or(1, usize::from).min(8))
        .max(1);
    // Each stream is compressed by itself, so the bytes do not depend on how many threads share the work.
    thread::scope(|scope| {
        for part in streams.chunks_mut(share) {
            scope.spawn(|| part.iter_mut().for_each(|stream| drop(stream.compress())));
        }
    });
    let mut bytes = Vec::new();
    file.save_to(&mut bytes).map_err(words)?;
    Ok(bytes)
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// What the catalog says beside the pages: bookmarks open, English, the title in the window's head.
fn catalog_entries(outline: Option<u32>) -> Vec<(&'static str, DictItem)> {
    let preferences = BTreeMap::from([("DisplayDocTitle".to_owned(), DictItem::Bool(true))]);
    let mut entries = vec![
        ("Lang", text("en")),
        ("ViewerPreferences", DictItem::Dict { map: preferences }),
    ];
    if let Some(outline) = outline {
        entries.push(("Outlines", reference(outline)));
        entries.push(("PageMode", DictItem::Name(b"UseOutlines".to_vec())));
    }
    entries
}

/// Puts the subsets of the faces into the document. Returns the codes of their characters, a page that shows each of them
/// once (without it printpdf would take the fonts for unused), and the digest of everything that the pages say.
fn embed_fonts(
    pdf: &mut PdfDocument,
    fonts: &Fonts,
    pages: &[Page],
) -> Result<([Codes; 3], PdfPage, [u8; 32]), String> {
    let mut ascii = [[false; 128]; 3];
    let mut others: [BTreeSet<char>; 3] = Default::default();
    let mut digest = Sha256::new();
    for (face, text) in pages.iter().flat_map(Page::texts) {
        digest.update(text.as_bytes());
        digest.update([0]);
        for character in text.chars() {
            match ascii[face as usize].get_mut(character as usize) {
                Some(used) => *used = true,
                None => {
                    others[face as usize].insert(character);
                }
            }
        }
    }
    let mut all_codes: [Codes; 3] = Default::default();
    let mut carrier = vec![Op::StartTextSection];
    for face in Face::ALL {
        let mut used = std::mem::take(&mut others[face as usize]);
        used.extend(
            (0_u8..128)
                .filter(|code| ascii[face as usize][usize::from(*code)])
                .map(char::from),
        );
        if !used.is_empty() {
            let (font, codes) = fonts.embed(face, &used)?;
            all_codes[face as usize] = codes;
            let id = FontId(face.resource().to_owned());
            pdf.resources.fonts.map.insert(id.clone(), PdfFont::new(font));
            carrier.push(Op::SetFont {
                font: PdfFontHandle::External(id),
                size: Pt(1.0),
            });
            carrier.push(Op::ShowText {
                items: vec![TextItem::Text(used.iter().collect())],
            });
        }
    }
    carrier.push(Op::EndTextSection);
    Ok((
        all_codes,
        PdfPage::new(Mm(1.0), Mm(1.0), carrier),
        digest.finalize().into(),
    ))
}

/// Title, author, dates. The dates are those of the evidence: a report made again later is the same report.
fn describe(pdf: &mut PdfDocument, report: &Report, organisation: &str) {
    let info = &mut pdf.metadata.info;
    let program = format!("backproof {}", report.scan.tool_version);
    info.author = if organisation.is_empty() {
        program.clone()
    } else {
        organisation.to_owned()
    };
    info.subject = format!("Evidence on backups of DynamoDB tables, scan {}", report.scan.id);
    info.keywords = ["DynamoDB", "AWS Backup", "audit evidence"].map(str::to_owned).to_vec();
    info.creator = program;
    info.producer = "printpdf".to_owned();
    if let Ok(at) = OffsetDateTime::from_unix_timestamp(report.scan.as_of.timestamp()) {
        info.creation_date = at;
        info.modification_date = at;
        info.metadata_date = at;
    }
}

/// A text string of the file's dictionaries: UTF-16 with its mark.
fn text(text: &str) -> DictItem {
    DictItem::Bytes(
        [0xfe, 0xff]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_be_bytes))
            .collect(),
    )
}

/// Bookmarks: the parts, and below them their headings. The first object is the root.
fn outline(marks: &[Mark], pages: &[(u32, u16)], next: &mut u32) -> Vec<(u32, DictItem)> {
    let root = *next;
    *next += 1;
    let mut objects = Vec::new();
    let children = level(marks, 0, root, pages, next, &mut objects);
    let mut map = BTreeMap::from([("Type".to_owned(), DictItem::Name(b"Outlines".to_vec()))]);
    let Some((first, last, count)) = children else {
        return Vec::new();
    };
    map.insert("First".to_owned(), reference(first));
    map.insert("Last".to_owned(), reference(last));
    map.insert("Count".to_owned(), DictItem::Int(count));
    objects.insert(0, (root, DictItem::Dict { map }));
    objects
}

/// Writes the marks of one level with all that is below them. Returns the first, the last, and how many there are.
fn level(
    marks: &[Mark],
    depth: usize,
    parent: u32,
    pages: &[(u32, u16)],
    next: &mut u32,
    objects: &mut Vec<(u32, DictItem)>,
) -> Option<(u32, u32, i64)> {
    let starts: Vec<usize> = (0..marks.len()).filter(|index| marks[*index].level <= depth).collect();
    let first = *next;
    let count = u32::try_from(starts.len()).ok().filter(|count| *count > 0)?;
    *next += count;
    for (nth, &start) in starts.iter().enumerate() {
        let id = first + nth as u32;
        let mark = &marks[start];
        let end = starts.get(nth + 1).copied().unwrap_or(marks.len());
        let page = mark.page.checked_sub(1).and_then(|index| pages.get(index));
        let place = page.map_or(DictItem::Null, |&(obj, r#gen)| DictItem::Ref { obj, r#gen });
        let xyz = DictItem::Name(b"XYZ".to_vec());
        let dest = vec![
            place,
            xyz,
            DictItem::Int(0),
            DictItem::Int(mark.top as i64),
            DictItem::Null,
        ];
        let mut map = BTreeMap::from([
            ("Title".to_owned(), text(&mark.title)),
            ("Parent".to_owned(), reference(parent)),
            ("Dest".to_owned(), DictItem::Array(dest)),
        ]);
        if nth > 0 {
            map.insert("Prev".to_owned(), reference(id - 1));
        }
        if nth + 1 < starts.len() {
            map.insert("Next".to_owned(), reference(id + 1));
        }
        if let Some((first, last, count)) = level(&marks[start + 1..end], depth + 1, id, pages, next, objects) {
            map.insert("First".to_owned(), reference(first));
            map.insert("Last".to_owned(), reference(last));
            // Negative: closed until a person opens it.
            map.insert("Count".to_owned(), DictItem::Int(-count));
        }
        objects.push((id, DictItem::Dict { map }));
    }
    Some((first, first + count - 1, i64::from(count)))
}

fn reference(id: u32) -> DictItem {
    DictItem::Ref { obj: id, r#gen: 0 }
}
