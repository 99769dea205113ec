//! How WebKit draws.

/// Always: a web process shares no buffers with the graphics card, which costs 60 MB and leaves windows blank with some drivers.
const ALWAYS: [(&str, &str); 1] = [("WEBKIT_DISABLE_DMABUF_RENDERER", "1")];
/// Where windows stay blank nevertheless.
const SAFE: [(&str, &str); 2] = [("WEBKIT_DISABLE_COMPOSITING_MODE", "1"), ("LIBGL_ALWAYS_SOFTWARE", "1")];

/// Variables for the window's process, but for those that the user has set.
pub(crate) fn graphics(safe: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    let wanted = ALWAYS.iter().chain(if safe { &SAFE[..] } else { &[] });
    wanted.copied().filter(|(name, _)| std::env::var_os(name).is_none())
}
