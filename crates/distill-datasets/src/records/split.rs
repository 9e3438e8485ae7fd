use super::TableFault;

/// Puts the fields of a record, without their quotes, into `fields`, as far as those go, and returns how many there are.
pub(super) fn split_fields(record: &str, quotes: bool, fields: &mut [String]) -> Result<usize, TableFault> {
    fields.iter_mut().for_each(String::clear);
    let (mut actual, mut rest) = (0, record);
    let offset = |rest: &str| record.len() - rest.len();
    loop {
        let mut unused = String::new();
        let field = fields.get_mut(actual).unwrap_or(&mut unused);
        actual += 1;
        if let Some(mut quoted) = rest.strip_prefix('"').filter(|_| quotes) {
            // Two quotes stand for one, and a single one ends the field.
            loop {
                let (part, after) = quoted.split_once('"').ok_or(TableFault::OpenQuote)?;
                field.push_str(part);
                match after.strip_prefix('"') {
                    Some(after) => {
                        field.push('"');
                        quoted = after;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            if !(rest.is_empty() || rest.starts_with(',')) {
                return Err(TableFault::Quote { offset: offset(rest) - 1 });
            }
        } else {
            let (part, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            if let Some(place) = part.find('"').filter(|_| quotes) {
                return Err(TableFault::Quote { offset: offset(rest) + place });
            }
            field.push_str(part);
            rest = after;
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => return Ok(actual),
        }
    }
}
