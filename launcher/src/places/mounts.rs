//! The same place under other mounts, by `/proc/self/mountinfo`.
//!
//! A place is first located: on which file system, and where in it. Then every mount of that
//! file system that shows the place is asked for the name that it gives it. An overlay's layers
//! count as further names of what it shows.

use super::text::{Spot, beneath, components, rest_below, strip};

/// One line of mountinfo.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    id: u64,
    parent: u64,
    /// `major:minor`, the same for all mounts of one file system.
    device: String,
    /// The directory of the file system that is shown.
    root: Vec<u8>,
    /// Where it is shown.
    point: Vec<u8>,
    /// An overlay's lower and upper directories.
    layers: Vec<Vec<u8>>,
}

/// Where a place is, whatever it is called: the file system, the path in it, the wildcards.
struct Location<'a> {
    device: &'a str,
    spot: Spot,
}

/// All mounts of this process's mount namespace.
pub(crate) struct Mounts(Vec<Mount>);

impl Mounts {
    /// Reads mountinfo's text; lines that cannot show a place by a path are left out.
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(text.split(|&byte| byte == b'\n').filter_map(parse_line).collect())
    }

    /// Every name that some mount gives to the place, or to a part of it.
    pub(crate) fn other_names(&self, spot: &Spot) -> Vec<Spot> {
        self.locate(spot).iter().flat_map(|location| self.names(location)).collect()
    }

    /// The place's own file system, and each that is mounted beneath it.
    fn locate(&self, spot: &Spot) -> Vec<Location<'_>> {
        let mut found = Vec::new();
        let holder = self.holder(&spot.head);
        if let Some(mount) = holder {
            let rest = rest_below(&spot.head, &mount.point).unwrap_or_default();
            let head = beneath(&mount.root, rest);
            found.push(mount.location(Spot { head, tail: spot.tail.clone() }));
        }
        for mount in &self.0 {
            let parts = part_at(spot, &mount.point);
            found.extend(parts.map(|tail| mount.location(Spot { head: mount.root.clone(), tail })));
            for layer in &mount.layers {
                // An overlay shows what lies in the layer's own mount, not what is mounted there.
                let same_mount = || self.holder(layer).map(|m| m.id) == holder.map(|m| m.id);
                if let Some(rest) = rest_below(&spot.head, layer).filter(|_| same_mount()) {
                    let head = beneath(b"/", rest);
                    found.push(mount.location(Spot { head, tail: spot.tail.clone() }));
                }
                let parts = part_at(spot, layer);
                found.extend(parts.map(|tail| mount.location(Spot { head: b"/".to_vec(), tail })));
            }
        }
        found
    }

    /// The mount that a path is reached in, found as the kernel does: name by name, crossing
    /// into what is mounted there on the mount reached so far.
    fn holder(&self, path: &[u8]) -> Option<&Mount> {
        let top = |mount: &&Mount| {
            !self.0.iter().any(|other| other.id == mount.parent && other.id != mount.id)
        };
        let mut here = self.0.iter().filter(|mount| mount.point == b"/").find(top)?;
        let mut name = b"/".to_vec();
        let mut rest = components(path);
        loop {
            let on_top = |m: &&Mount| m.parent == here.id && m.id != here.id && m.point == name;
            if let Some(mount) = self.0.iter().find(on_top) {
                here = mount;
                continue;
            }
            let Some(next) = rest.next() else { return Some(here) };
            name = beneath(&name, next);
        }
    }

    /// What the mounts of a file system, and the layers that make it, call a place.
    fn names<'a>(&'a self, location: &'a Location<'_>) -> impl Iterator<Item = Spot> + 'a {
        let mounts = self.0.iter().filter(|mount| mount.device == location.device);
        mounts.flat_map(|mount| mount.names(&location.spot))
    }
}

/// What of a place lies at or beneath `point`, a directory below its head.
fn part_at(spot: &Spot, point: &[u8]) -> impl Iterator<Item = Vec<Vec<u8>>> + use<> {
    let below = rest_below(point, &spot.head).filter(|rest| !rest.is_empty());
    let names = below.map(|rest| components(rest).collect::<Vec<_>>());
    names.map(|names| strip(&spot.tail, &names)).unwrap_or_default().into_iter()
}

impl Mount {
    fn location(&self, spot: Spot) -> Location<'_> {
        Location { device: &self.device, spot }
    }

    /// The names by which this mount and its layers show a place of its file system.
    fn names(&self, spot: &Spot) -> Vec<Spot> {
        let tail = || spot.tail.clone();
        let mut names: Vec<Spot> = self
            .layers
            .iter()
            .map(|layer| Spot { head: beneath(layer, &spot.head), tail: tail() })
            .collect();
        if let Some(rest) = rest_below(&spot.head, &self.root) {
            names.push(Spot { head: beneath(&self.point, rest), tail: tail() });
        } else {
            let parts = part_at(spot, &self.root);
            names.extend(parts.map(|tail| Spot { head: self.point.clone(), tail }));
        }
        names
    }
}

/// `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER-OPTIONS`
fn parse_line(line: &[u8]) -> Option<Mount> {
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let number = |at: usize| std::str::from_utf8(fields.get(at)?).ok()?.parse().ok();
    let root = unescape(fields.get(3)?);
    if root.first() != Some(&b'/') {
        // A namespace or another object without a path.
        return None;
    }
    let dash = fields.iter().skip(6).position(|field| *field == b"-")? + 6;
    let options = fields.get(dash + 3).copied().unwrap_or_default();
    let is_overlay = fields.get(dash + 1).is_some_and(|kind| *kind == b"overlay");
    Some(Mount {
        id: number(0)?,
        parent: number(1)?,
        device: String::from_utf8(fields.get(2)?.to_vec()).ok()?,
        root,
        point: unescape(fields.get(4)?),
        layers: if is_overlay { layers(options) } else { Vec::new() },
    })
}

/// The directories that an overlay is made of, where its options name them by absolute paths.
fn layers(options: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for option in split_unescaped(options, b',') {
        let Some(at) = option.iter().position(|&byte| byte == b'=') else { continue };
        let (key, value) = (&option[..at], &option[at + 1..]);
        if matches!(key, b"lowerdir" | b"lowerdir+" | b"upperdir" | b"datadir+") {
            let layers = split_unescaped(value, b':').into_iter().map(|layer| unescape(&layer));
            found.extend(layers.filter(|layer| layer.first() == Some(&b'/')));
        }
    }
    found
}

/// Splits at a separator that no backslash precedes, and takes such backslashes away.
fn split_unescaped(text: &[u8], separator: u8) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == separator {
            parts.push(Vec::new());
        } else if byte == b'\\' && bytes.peek() == Some(&separator) {
            parts.last_mut().expect("there is one from the start").extend(bytes.next());
        } else {
            parts.last_mut().expect("there is one from the start").push(byte);
        }
    }
    parts
}

/// mountinfo writes a space, tab, line feed and backslash as three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.first_chunk::<3>().filter(|_| byte == b'\\').and_then(octal);
        plain.push(octal.unwrap_or(byte));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    plain
}

fn octal(digits: &[u8; 3]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::PathPattern;

    const TABLE: &[u8] = b"\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 8:1 /etc /mnt/bind\\040one rw shared:1 - ext4 /dev/sda1 rw
3 1 8:1 /etc/app/conf /srv/conf rw - ext4 /dev/sda1 rw
4 1 0:9 / /data rw - tmpfs tmpfs rw
5 1 0:9 /inner /other rw - tmpfs tmpfs rw
6 1 0:40 / /merged rw - overlay overlay rw,lowerdir=/low/a:/low/b,upperdir=/up,workdir=/w
7 1 0:4 net:[4026531840] /run/netns/x rw - nsfs nsfs rw
";

    fn names(pattern: PathPattern) -> Vec<String> {
        let spot = Spot::of(&pattern);
        let mut names: Vec<String> = Mounts::parse(TABLE)
            .other_names(&spot)
            .iter()
            .map(|name| match name.pattern() {
                PathPattern::Literal(path) | PathPattern::Glob(path) => {
                    String::from_utf8(path).expect("text")
                }
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn literal(path: &str) -> Vec<String> {
        names(PathPattern::Literal(path.into()))
    }

    fn glob(path: &str) -> Vec<String> {
        names(PathPattern::Glob(path.into()))
    }

    #[test]
    fn a_bind_mount_of_the_place_or_of_one_above_it_is_another_name() {
        assert_eq!(literal("/etc/passwd"), ["/etc/passwd", "/mnt/bind one/passwd"]);
    }

    #[test]
    fn a_bind_mount_of_something_beneath_the_place_is_covered() {
        assert_eq!(literal("/etc"), ["/etc", "/mnt/bind one", "/srv/conf"]);
    }

    #[test]
    fn what_is_mounted_beneath_the_place_is_covered_elsewhere_too() {
        assert_eq!(literal("/data"), ["/data", "/other"]);
        assert!(literal("/").contains(&"/other".into()));
    }

    #[test]
    fn a_place_in_a_bind_mount_has_its_first_name_too() {
        assert_eq!(literal("/other/x"), ["/data/inner/x", "/other/x"]);
    }

    #[test]
    fn wildcards_go_on_below_a_mount() {
        assert_eq!(
            glob("/etc/*/conf/k*"),
            ["/etc/*/conf/k*", "/mnt/bind one/*/conf/k*", "/srv/conf/k*"]
        );
        assert_eq!(glob("/da*/inner/k"), ["/da*/inner/k", "/data/inner/k", "/other/k"]);
    }

    #[test]
    fn an_overlay_shows_its_layers_and_they_show_it() {
        assert_eq!(literal("/merged/x"), ["/low/a/x", "/low/b/x", "/merged/x", "/up/x"]);
        assert!(literal("/low/b/x").contains(&"/merged/x".into()));
        assert!(literal("/low").contains(&"/merged".into()));
    }

    #[test]
    fn an_overlay_mounted_within_its_own_layer_shows_itself_once() {
        let table = b"1 0 8:1 / / rw - ext4 a rw\n\
            2 1 0:40 / /low/merged rw - overlay o rw,lowerdir=/low,upperdir=/up\n";
        let mounts = Mounts::parse(table);
        let names = |path: &[u8]| {
            let spot = Spot { head: path.to_vec(), tail: Vec::new() };
            mounts.other_names(&spot).into_iter().map(|name| name.head).collect::<Vec<_>>()
        };
        assert!(names(b"/low/x").contains(&b"/low/merged/x".to_vec()));
        let inner = names(b"/low/merged/x");
        assert!(inner.contains(&b"/low/x".to_vec()));
        assert!(!inner.contains(&b"/low/merged/merged/x".to_vec()), "{inner:?}");
    }

    #[test]
    fn a_path_is_looked_up_through_the_mount_on_top() {
        let table = b"1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /a/b rw - ext4 b rw\n3 1 8:3 / /a rw - ext4 c rw\n";
        let mounts = Mounts::parse(table);
        assert_eq!(mounts.holder(b"/a/b/c").map(|mount| mount.id), Some(3));
        assert_eq!(mounts.holder(b"/x").map(|mount| mount.id), Some(1));
    }

    #[test]
    fn escaped_separators_in_an_overlay_are_part_of_a_name() {
        assert_eq!(layers(b"lowerdir=/a\\:b:/c,upperdir=/d\\,e"), [&b"/a:b"[..], b"/c", b"/d,e"]);
    }
}
