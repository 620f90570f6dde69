//! The sections of the console.

use maud::{Markup, html};

use super::{Page, bar, page};
use crate::web::reader::Reader;
use crate::web::view::{Cell, Part, Section};
use crate::web::words::{effect, quoted, shown, verbatim};

/// The navigation: what this reader may see, and who they are. `None` is the list of what waits.
pub(crate) fn navigation(present: Option<Section>, reader: &Reader) -> Markup {
    html! {
        nav aria-label="Sections" {
            a href="/" aria-current=[present.is_none().then_some("page")] { "Waiting" }
            @for section in Section::ALL.into_iter().filter(|_| reader.sees_books) {
                a href=(section.path()) aria-current=[(present == Some(section)).then_some("page")] { (section.title()) }
            }
        }
        @if let Some(name) = &reader.name {
            div.person {
                span.note id="person" { "signed in as " (quoted(name)) }
                button type="button" id="sign-out" data-token=(reader.sign_out) { "Sign out" }
            }
        }
    }
}

/// One section, as it is at `mark`.
pub(crate) fn section(section: Section, title: &str, mark: &str, parts: &[Part], reader: &Reader) -> Markup {
    let words = format!("{title} – Claviger");
    let whole = Page { title: &words, script: "/console.js", token: "", path: section.path() };
    let main = html! {
        (bar(navigation(Some(section), reader)))
        main.wide data-state="console" data-watch="books" data-mark=(mark) {
            h1 { (title) }
            @for (place, one) in parts.iter().enumerate() { (part(place, one)) }
            p.note id="status" role="status" { "This page shows by itself what changes." }
        }
    };
    page(&whole, main)
}

fn part(place: usize, part: &Part) -> Markup {
    match part {
        Part::Note(text) => html! { p.lead { (shown(text)) } },
        Part::Facts { title, rows } => html! {
            section aria-label=(title) {
                h2 { (shown(title)) }
                dl { @for (label, value) in rows { div.row { dt { (shown(label)) } dd { (cell(value)) } } } }
            }
        },
        Part::Table { title, head, rows, none } => table(title, head, rows, none),
        Part::Choices { title, options } => html! {
            nav.choices aria-label=(title) {
                span.note { (title) }
                @for (text, to, is_present) in options {
                    a href=(to) aria-current=[is_present.then_some("true")] { (shown(text)) }
                }
            }
        },
        Part::Copy { title, text } => html! {
            section aria-label=(title) {
                h2 { (title) }
                pre tabindex="0" { (verbatim(text)) }
                button.copy type="button" id={ "copy-" (place) } data-copy=(text) { "Copy" }
            }
        },
    }
}

fn table(title: &str, head: &[String], rows: &[Vec<Cell>], none: &str) -> Markup {
    html! {
        section aria-label=(title) {
            h2 { (shown(title)) }
            @if rows.is_empty() {
                p.note { (none) }
            } @else {
                // Wide tables scroll by themselves, with the keyboard too.
                div.scroll tabindex="0" role="region" aria-label=(title) {
                    table {
                        thead { tr { @for name in head { th scope="col" { (shown(name)) } } } }
                        tbody { @for row in rows { tr { @for value in row { td { (cell(value)) } } } } }
                    }
                }
            }
        }
    }
}

fn cell(value: &Cell) -> Markup {
    match value {
        Cell::Text(text) => shown(text),
        Cell::Quoted(text) => quoted(text),
        Cell::Number(number) => html! { span.number { (number) } },
        Cell::Effect(of) => {
            let (word, meaning) = effect(*of);
            html! { span class={ "effect " (word) } title=(meaning) { (word) } }
        }
        Cell::Good(text) => html! { span.good { (shown(text)) } },
        Cell::Bad(text) => html! { span.bad { (shown(text)) } },
        Cell::Code(text) => html! { code { (shown(text)) } },
        Cell::Link { to, text } => html! { a href=(to) { (shown(text)) } },
        Cell::Several(cells) => html! { @for one in cells { div { (cell(one)) } } },
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Part, Reader, Section, navigation, section};

    fn reader(name: Option<&str>, sees_books: bool) -> Reader {
        Reader { name: name.map(str::to_owned), sign_out: "a token".to_owned(), sees_books }
    }

    #[test]
    fn whoever_does_not_see_the_books_is_not_led_to_them() {
        let seen = |name, sees_books| navigation(None, &reader(name, sees_books)).into_string();
        for section in Section::ALL {
            let link = format!("href=\"{}\"", section.path());
            assert!(seen(Some("anna"), true).contains(&link) && !seen(Some("anna"), false).contains(&link));
        }
        assert!(seen(Some("anna"), false).contains("id=\"sign-out\""));
        assert!(!seen(None, true).contains("sign-out"), "nobody signed in on a page of this machine");
        assert!(!seen(Some("<b>"), true).contains("<b>"));
    }

    #[test]
    fn whatever_stands_in_it_is_text() {
        let evil = "<script>alert(1)</script>\u{202e}p\u{430}x8".to_owned();
        let cells = vec![
            Cell::Text(evil.clone()),
            Cell::Quoted(evil.clone()),
            Cell::Good(evil.clone()),
            Cell::Bad(evil.clone()),
            Cell::Code(evil.clone()),
            Cell::Link { to: "/log/1".to_owned(), text: evil.clone() },
        ];
        let count = cells.len();
        let table =
            Part::Table { title: String::new(), head: vec![evil.clone()], rows: vec![cells], none: String::new() };
        let page = section(Section::Log, "Log", "0", &[table, Part::Note(evil)], &reader(None, true)).into_string();
        assert!(!page.contains("<script>alert") && !page.contains('\u{202e}'), "{page}");
        assert_eq!(page.matches("\\u{202e}").count(), count + 2);
    }
}
