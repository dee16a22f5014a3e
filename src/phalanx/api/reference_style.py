"""How ``/docs`` looks: light and dark, wide and narrow, on screen and on paper."""

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d5dae0;
  --shade: #f4f6f8; --link: #0a58b8; --get: #0a58b8; --post: #176f2c; --patch: #8a5300;
  --delete: #b3202c; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e3e7ec; --soft: #9aa5b1;
  --line: #343b44; --shade: #1d2228; --link: #7ab5ff; --get: #7ab5ff; --post: #6fd088;
  --patch: #e8b15c; --delete: #ff8d92; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
nav { padding: 1rem; border-bottom: 1px solid var(--line); font-size: .85rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .15rem 0; color: inherit; text-decoration: none; }
nav a:hover { text-decoration: underline; }
nav .home { font-size: 1.1rem; font-weight: 700; }
nav .group { margin-top: .7rem; color: var(--soft); font-weight: 600; }
main { max-width: 60rem; padding: 1rem; }
@media (min-width: 64rem) {
  body { display: grid; grid-template-columns: 22rem minmax(0, 1fr); }
  nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; border-bottom: 0;
    border-right: 1px solid var(--line); }
  main { padding: 1rem 2.5rem 6rem; }
}
h1 { margin: .3rem 0 1rem; font-size: 1.8rem; }
h2 { margin: 3rem 0 .5rem; padding-bottom: .3rem; border-bottom: 2px solid var(--line);
  font-size: 1.4rem; }
h2::first-letter { text-transform: uppercase; }
h3 { margin: 0; font-size: 1.1rem; overflow-wrap: anywhere; }
h3 a { color: inherit; text-decoration: none; }
h4 { margin: 1.2rem 0 .3rem; font-size: .95rem; }
h5 { margin: 1rem 0 .2rem; font-size: .9rem; }
p { margin: .4rem 0; }
article { margin: 1.2rem 0; padding: 1rem; border: 1px solid var(--line); border-radius: 6px; }
article:target { border-color: var(--link); }
section > h3 { margin-top: 1.5rem; }
.summary { font-weight: 600; }
.method { display: inline-block; min-width: 3.6em; font: 700 .85em ui-monospace, monospace; }
.get { color: var(--get); } .post { color: var(--post); } .delete { color: var(--delete); }
.patch, .put { color: var(--patch); }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { margin: .5rem 0; padding: .7rem; overflow-x: auto; border-radius: 6px;
  background: var(--shade); }
pre code { font-size: .95em; }
p > code, td > code { padding: .05em .25em; border-radius: 3px; background: var(--shade); }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
details { margin: .4rem 0; }
summary { cursor: pointer; color: var(--soft); }
@media print { nav { display: none; } article { break-inside: avoid-page; } }
"""
