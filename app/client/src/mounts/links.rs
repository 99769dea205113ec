//! Where a container's symbolic links lead on this computer: to what the container would find there, and never out of the mount.

/// The text of a link, for this computer's kernel. `link` is the link's own path from the mount's root, without links in it;
/// `target` is its text in the container.
///
/// What comes out goes up only at its beginning, and no further than the root. As the kernel goes on from the folder that the
/// link is really in, it can't leave the mount: what follows leads down, and further links on that way are such texts too.
pub(super) fn contained(link: &[u8], target: &[u8]) -> Vec<u8> {
    let mut here = names(link);
    here.pop();
    let mut way = if target.starts_with(b"/") { Vec::new() } else { here.clone() };
    for name in names(target) {
        match name {
            // Above the root is the root, as in the container.
            b".." => drop(way.pop()),
            name => way.push(name),
        }
    }
    let common = here.iter().zip(&way).take_while(|(one, other)| one == other).count();
    let up = here[common..].iter().map(|_| &b".."[..]);
    let parts: Vec<&[u8]> = up.chain(way[common..].iter().copied()).collect();
    if parts.is_empty() { b".".to_vec() } else { parts.join(&b'/') }
}

fn names(path: &[u8]) -> Vec<&[u8]> {
    path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b".")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside() {
        for (link, target, shown) in [
            ("/etc/config/key", "..data/key", "..data/key"),
            ("/etc/config/..data", "..2026_11_26", "..2026_11_26"),
            ("/data/a/b", "../c", "../c"),
            ("/data/a/b", "./../c/./d", "../c/d"),
            ("/data/b", "/data/c", "c"),
            ("/data/a/b", "/etc/passwd", "../../etc/passwd"),
            ("/b", "/etc/passwd", "etc/passwd"),
            ("/b", "/", "."),
            ("/data/b", "/", ".."),
            ("/data/b", "../../../../../../etc/passwd", "../etc/passwd"),
            ("/data/b", "c/../../../../etc/passwd", "../etc/passwd"),
            ("/data/b", "/../../etc", "../etc"),
            ("/data/b", "..", ".."),
            ("/data/b", "../..", ".."),
            ("/data/b", "", "."),
            ("/data/b", "//etc//x", "../etc/x"),
            ("/data/b", ".../x", ".../x"),
        ] {
            let found = contained(link.as_bytes(), target.as_bytes());
            assert_eq!(String::from_utf8_lossy(&found), shown, "{link} -> {target}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_leads_out(
            link in "(/[a.]{1,3}){1,4}",
            target in "/?([a-c.]{0,3}/?){0,8}",
        ) {
            let shown = String::from_utf8(contained(link.as_bytes(), target.as_bytes())).unwrap();
            proptest::prop_assert!(!shown.starts_with('/'));
            let up = shown.split('/').take_while(|part| *part == "..").count();
            let depth = names(link.as_bytes()).len().saturating_sub(1);
            proptest::prop_assert!(up <= depth, "{} -> {} is {}", link, target, shown);
            proptest::prop_assert!(shown.split('/').skip(up).all(|part| part != ".."));
        }
    }
}
