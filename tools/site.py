# What `make site` does: makes a searchable site, build/site, from the README, the docs, the
# hand-outs of the labs and the sources. It uses mkdocs with Debian's material theme, and no
# network. Paths and functions in the text become links to their line.
#
#   site.py FOLDER
import os
import re
import shutil
import subprocess
import sys

from settings import plainly

WORK = "build/site-text"
CONFIG = """\
site_name: dr7
docs_dir: {docs}
site_dir: {site}
use_directory_urls: false
theme:
  name: material
  font: false
  features: [navigation.tabs, search.highlight, toc.integrate]
  palette:
    - media: "(prefers-color-scheme: light)"
      scheme: default
      toggle: {{icon: material/brightness-7, name: dark}}
    - media: "(prefers-color-scheme: dark)"
      scheme: slate
      toggle: {{icon: material/brightness-4, name: light}}
markdown_extensions:
  - tables
  - pymdownx.superfences
  - pymdownx.highlight: {{anchor_linenums: true, linenums_style: pymdownx-inline}}
plugins: [search]
nav:
"""
ROOMS = ["boot", "arch/x86", "kernel", "sched", "perf", "hwbp", "linux", "debug", "user", "test"]
LANGUAGE = {".c": "c", ".h": "c", ".asm": "nasm"}
# A function's definition: it starts in column one, and its { is alone on a later line.
FUNCTION = re.compile(r"^[a-z][^;{}=#/]*?\b(\w+)\([^;{}]*\)\n\{", re.M)
CODE = re.compile(r"(?<![\[`])`([^`\n]+)`(?![\]`])")
LINK = re.compile(r"\]\(([^)#:\s]+)(#[^)]*)?\)")


def tracked():
    said = subprocess.run(["git", "ls-files"], check=True, stdout=subprocess.PIPE, text=True)
    return said.stdout.splitlines()


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write(path, text):
    path = f"{WORK}/{path}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


class Site:
    def __init__(self):
        files = tracked()
        self.texts = [f for f in files if f.endswith(".md")]
        self.sources = [f for f in files if os.path.splitext(f)[1] in LANGUAGE]
        self.names, self.functions = set(files), {}
        for path in self.sources:
            text = read(path)
            for found in FUNCTION.finditer(text):
                line = text.count("\n", 0, found.start(1)) + 1
                self.functions.setdefault(found[1], []).append((path, line))

    def page_of(self, name):
        """The page and the line of a name in backquotes; None: it is not in this tree."""
        if name.startswith("build/web/index.html#"):
            return "../" + name.removeprefix("build/")  # its folder is next to the site's
        if name in self.sources:
            return f"src/{name}.md"
        places = self.functions.get(name.removesuffix("()"), [])
        if len(places) == 1 and ("_" in name or name.endswith("()")):
            path, line = places[0]
            return f"src/{path}.md#__codelineno-0-{line}"
        return None

    def text(self, path):
        """The text with the links of the site."""
        here = os.path.dirname(path)

        def code(found):
            page = self.page_of(found[1])
            to = page and os.path.relpath(page, here or ".")
            if page and page.startswith("../"):  # outside of the site, so mkdocs would not find it
                return f'<a href="{to}"><code>{found[1]}</code></a>'
            return f"[`{found[1]}`]({to})" if page else found[0]

        def link(found):
            target = os.path.normpath(os.path.join(here, found[1]))
            page = self.page_of(target) if target in self.sources else None
            if target in self.names and not page and not target.endswith((".md", ".svg", ".png")):
                shutil.copy(target, self.folder_of(target))
            return f"]({os.path.relpath(page, here or '.')})" if page else found[0]

        parts = re.split(r"(^```.*?^```$|^(?: {4}[^\n]*\n)+)", read(path), flags=re.M | re.S)
        parts[::2] = [CODE.sub(code, LINK.sub(link, part)) for part in parts[::2]]
        write(path, "".join(parts))

    @staticmethod
    def folder_of(path):
        folder = os.path.dirname(f"{WORK}/{path}") or WORK
        os.makedirs(folder, exist_ok=True)
        return folder

    def source(self, path):
        language = LANGUAGE[os.path.splitext(path)[1]]
        write(f"src/{path}.md", f"# {path}\n\n````{language} linenums=\"1\"\n{read(path)}````\n")

    def nav(self):
        yield "  - Start: README.md"
        yield "  - Docs:"
        yield "    - Reading order: docs/README.md"
        for path in self.texts:
            if path.startswith("docs/") and path != "docs/README.md":
                yield f"    - {path}"
        yield "  - Labs:"
        yield from (f"    - {path}" for path in self.texts if path.startswith("labs/"))
        yield "  - Headers:"
        for room in ROOMS:
            pages = [p for p in self.sources if p.startswith(room + "/") and p.endswith(".h")]
            if pages:
                yield f"    - {room}:"
                yield from (f"      - {p}: src/{p}.md" for p in pages)


def main():
    folder = sys.argv[1]
    shutil.rmtree(WORK, ignore_errors=True)
    site = Site()
    for path in site.texts:
        site.text(path)
    for path in site.sources:
        site.source(path)
    shutil.copytree("docs/pictures", WORK + "/docs/pictures", dirs_exist_ok=True)
    config = WORK + ".yml"
    with open(config, "w", encoding="utf-8") as f:
        f.write(CONFIG.format(docs=os.path.abspath(WORK), site=os.path.abspath(folder))
                + "\n".join(site.nav()) + "\n")
    subprocess.run(["mkdocs", "build", "--strict", "-q", "-f", config], check=True)
    print(f"{folder}/index.html, for any file server", file=sys.stderr)


if __name__ == "__main__":
    plainly(main)
