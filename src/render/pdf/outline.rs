//! Bookmarks: the parts, and below them their headings.

use lopdf::{Document, Object, ObjectId, dictionary};

use super::doc::{Mark, Spot};

/// Writes the bookmarks and returns their root; none if there are none.
pub(crate) fn write(file: &mut Document, marks: &[Mark], pages: &[ObjectId]) -> Option<ObjectId> {
    let root = file.new_object_id();
    let (first, last, count) = level(file, marks, 0, root, pages)?;
    let dict = dictionary! { "Type" => "Outlines", "First" => first, "Last" => last, "Count" => count };
    file.set_object(root, dict);
    Some(root)
}

/// Writes the marks of one level with all that is below them. Returns the first, the last, and how many there are.
fn level(
    file: &mut Document,
    marks: &[Mark],
    depth: usize,
    parent: ObjectId,
    pages: &[ObjectId],
) -> Option<(ObjectId, ObjectId, i64)> {
    let starts: Vec<usize> = (0..marks.len()).filter(|index| marks[*index].level <= depth).collect();
    let ids: Vec<ObjectId> = starts.iter().map(|_| file.new_object_id()).collect();
    for (nth, &start) in starts.iter().enumerate() {
        let mark = &marks[start];
        let end = starts.get(nth + 1).copied().unwrap_or(marks.len());
        let mut dict = dictionary! {
            "Title" => text(&mark.title),
            "Parent" => parent,
            "Dest" => destination(mark.spot, pages),
        };
        if nth > 0 {
            dict.set("Prev", ids[nth - 1]);
        }
        if let Some(next) = ids.get(nth + 1) {
            dict.set("Next", *next);
        }
        if let Some((first, last, count)) = level(file, &marks[start + 1..end], depth + 1, ids[nth], pages) {
            dict.set("First", first);
            dict.set("Last", last);
            // Negative: closed until a person opens it.
            dict.set("Count", -count);
        }
        file.set_object(ids[nth], dict);
    }
    Some((
        *ids.first()?,
        *ids.last()?,
        i64::try_from(ids.len()).unwrap_or(i64::MAX),
    ))
}

/// A place on a sheet, as links and bookmarks name it.
pub(crate) fn destination(spot: Spot, pages: &[ObjectId]) -> Object {
    let page = spot.page.checked_sub(1).and_then(|index| pages.get(index));
    let page = page.map_or(Object::Null, |id| Object::Reference(*id));
    Object::Array(vec![
        page,
        "XYZ".into(),
        0.into(),
        (spot.top as i64).into(),
        Object::Null,
    ])
}

/// A text string of the file's dictionaries: UTF-16 with its mark.
pub(crate) fn text(text: &str) -> Object {
    let bytes = [0xfe, 0xff]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_be_bytes))
        .collect();
    Object::String(bytes, lopdf::StringFormat::Hexadecimal)
}
