"""The file, read: path and environment in; a `Config`, or a ConfigError with every problem of the file, out.

Each entry of a section is read on its own, so that one mistake does not hide the next, and then the names that entries
use are compared with the names that there are.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError

from bridge import vendors
from bridge.config import marks, names, samples, schema, values
from bridge.config.config import Config, Source
from bridge.config.marks import Document, Path, quoted
from bridge.config.matches import SYSTEM
from bridge.config.report import Report, meant
from bridge.config.samples import Sample
from bridge.config.values import Filling
from bridge.errors import ConfigError, Problem, RenderError
from bridge.render.engine import compile_condition, compile_expression, compile_thread_key
from bridge.routing import Condition, KeyOf
from bridge.vendors import Vendor, VendorOptions
from bridge.verify import Scheme, matcher

T = TypeVar("T")

ANY_HOST = {"0.0.0.0", "::"}  # noqa: S104 (to compare with)

OPEN = {
    "none": "'none' lets everybody in: whoever knows the URL can write to your chat; where the sender cannot sign, "
    "limit who may call with allow_from",
    "shadow": "'shadow' lets in what would be refused; make it enforce when `drawbridge refusals` shows nothing new",
}


def load(path: FilePath, env: Mapping[str, str]) -> Config:
    """The configuration in the file at `path`. Raises ConfigError, and nothing else, with all that is wrong."""
    document = marks.parse(_read(path), str(path))
    if document.value is None:
        raise ConfigError([Problem(str(path), 0, 0, "is empty; config.example.yaml explains every key")])
    filling = values.fill(document, env, path.parent)
    reading = _Reading(path, document, filling)
    config = reading.config()
    problems = list(dict.fromkeys(reading.report.problems))
    if config is None or not all(problem.warning for problem in problems):
        raise ConfigError(problems)
    return replace(config, warnings=tuple(problems))


def load_for_store(path: FilePath, env: Mapping[str, str]) -> Config:
    """As `load`, for who needs little more than the store: of a broken file what can be read of it, marked `broken`.

    Raises ConfigError where the file does not say which store it is: another one must never be taken for it.
    """
    try:
        return load(path, env)
    except ConfigError as error:
        document = marks.parse(_read(path), str(path))
        filling = values.fill(document, env, path.parent)
        report = Report(document, filling, schema.known_keys)
        at = ("store", "url")
        url = None if at in filling.problems or report.value(at) is None else report.read(schema.STORE_URL, at)
        if url is None:
            raise
        part = _Reading(path, document, filling).config(schema.Store.model_construct(url=url))
        if part is None:
            raise
        return replace(part, broken=sum(not problem.warning for problem in error.problems))


def admin_address(path: FilePath, env: Mapping[str, str]) -> schema.Address | None:
    """Where the operator's port is, even if the file is broken elsewhere; null where that cannot be told.

    A server goes on with the file it started with; who asks after its health should not need a better one.
    """
    try:
        document = marks.parse(_read(path), str(path))
        report = Report(document, values.fill(document, env, path.parent), schema.known_keys)
    except ConfigError:
        return None
    admin = report.read(schema.ADMIN, ("admin",)) if report.value(("admin",)) is not None else schema.Admin()
    return admin.listen if admin else None


def _read(path: FilePath) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(marks.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "its name is not one of a file"
        raise ConfigError([Problem(str(path), 0, 0, f"cannot be read: {reason}")]) from None


class _Reading:
    """One reading of one file. Null entries of a section stand for broken ones, so that their names still count."""

    def __init__(self, file: FilePath, document: Document, filling: Filling) -> None:
        self.file = file
        self.report = Report(document, filling, self._known_keys)
        self._option_keys: dict[Path, set[str]] = {}
        self._vendor_of: dict[str, Vendor | None] = {}
        """By source: whose events come in there, also where the source is broken otherwise."""
        self._own_samples: dict[str, dict[str, Sample]] = {}

    def _known_keys(self, path: Path, document: Any) -> Iterable[str]:
        return self._option_keys.get(path) or schema.known_keys(path, document)

    def config(self, store: schema.Store | None = None) -> Config | None:
        """All of it, or null where even the outer keys cannot be read. With a `store` their defaults stand for them."""
        top = self.report.read(schema.TOP)
        if top is None and store is not None:
            top = schema.Top.model_construct(store=store)
        private = self._mapping("vendors", self._vendor)
        sources = self._mapping("sources", lambda path: self._source(path, private))
        targets = self._mapping("targets", lambda path: self.report.read(schema.TARGET, path))
        routes = self._list("routes", lambda path: self.report.read(schema.ROUTE, path))
        conditions = self._conditions()
        thread_keys = self._thread_keys()
        tests = self._list("tests", lambda path: self.report.read(schema.CASE, path))
        names.check_routes(self.report, self._vendor_of, targets)
        names.check_fallbacks(self.report, targets)
        names.check_tests(self.report, self._vendor_of, targets)
        if top is None:
            return None
        self._doors(top)
        self._expectations(top, sources)
        self._urls(top, sources)
        templates = self._templates(top.templates)
        files = [self.file, *self.report.filling.files, *([templates] if templates else [])]
        return Config(
            file=self.file,
            listen=top.listen,
            public_url=top.public_url,
            trusted_proxies=top.trusted_proxies,
            admin=top.admin,
            store=top.store,
            heartbeat=top.heartbeat,
            templates=templates,
            sources={name: source for name, source in sources.items() if source},
            vendors={name: vendor for name, vendor in private.items() if vendor},
            own_samples=self._own_samples,
            targets={name: target for name, target in targets.items() if target},
            routes=tuple(route for route in routes if route),
            conditions=conditions,
            thread_keys=thread_keys,
            tests=tuple(test for test in tests if test),
            files=tuple(dict.fromkeys(files)),
            places=self.report.document.values | self.report.document.keys,
        )

    # ------------------------------------------------------------------------------ sections

    def _mapping(self, section: str, read: Callable[[Path], T | None]) -> dict[str, T | None]:
        value = self.report.value((section,))
        if not isinstance(value, dict):
            return {}
        for name in value:
            self._name((section, name))
        return {name: read((section, name)) for name in value}

    def _list(self, section: str, read: Callable[[Path], T | None]) -> list[T | None]:
        value = self.report.value((section,))
        return [read((section, index)) for index in range(len(value))] if isinstance(value, list) else []

    def _name(self, path: Path) -> None:
        try:
            schema.NAME.validate_python(path[-1])
        except ValidationError as error:
            self.report.add(path, str(error.errors()[0].get("ctx", {}).get("error", "is not a name")), key=True)
        if path[-1] == SYSTEM and path[0] != "targets":
            self.report.add(path, f"the name {SYSTEM!r} belongs to Drawbridge's own alarms", key=True)

    def _templates(self, folder: FilePath | None) -> FilePath | None:
        if folder is None:
            return None
        folder = self.file.parent / folder
        if not folder.is_dir():
            self.report.add(("templates",), f"there is no folder {str(folder)!r}")
        return folder

    def _doors(self, top: schema.Top) -> None:
        """The operator's page never shares the public port."""
        public, admin = top.listen, top.admin.listen
        if public.port == admin.port != 0 and (public.host == admin.host or {public.host, admin.host} & ANY_HOST):
            self.report.add(("admin", "listen"), f"needs another port than listen, which is {public}")

    def _expectations(self, top: schema.Top, sources: Mapping[str, Source | None]) -> None:
        """When a source was last heard of is known for as long as its events are kept."""
        for name, source in sources.items():
            if source and source.expect_every and source.expect_every >= top.store.keep:
                text = "must be shorter than store.keep: what is older is forgotten"
                self.report.add(("sources", name, "expect_every"), text)

    def _urls(self, top: schema.Top, sources: Mapping[str, Source | None]) -> None:
        """Who signs the URL it posts to signs the one that was registered. What a caller calls us is only a claim."""
        if top.public_url is not None or top.trusted_proxies:
            return
        for name, source in sources.items():
            if source and source.scheme and source.scheme.signs_url:
                text = (
                    f"vendor {source.vendor.name!r} signs the URL that it posts to, so 'public_url' must say it, or a "
                    "proxy of 'trusted_proxies'"
                )
                self.report.add(("sources", name), text, key=True)

    # ------------------------------------------------------------------------------ vendors and sources

    def _vendor(self, path: Path) -> Vendor | None:
        name = str(path[-1])
        if name in vendors.names():
            self.report.add(path, "a built-in vendor has this name; choose another", key=True)
        value = self.report.value(path)
        ours = {key for key in value if key in schema.PYTHON_VENDOR_KEYS} if isinstance(value, dict) else set()
        for key in ours:
            self.report.unknown_key((*path, key))
        vendor = self.report.read(schema.VENDOR, path, without=ours)
        self._expressions((*path, "result"))
        self._expressions((*path, "items"), ("item", "payload"))
        self._own_samples[name] = {sample.name: sample for sample in self._samples((*path, "samples"))}
        return vendor and vendor.model_copy(update={"name": name, "title": vendor.title or name})

    def _samples(self, path: Path) -> Iterator[Sample]:
        first: dict[str, FilePath] = {}
        for at, text in self.report.texts(path):
            place = self.file.parent / text
            try:
                files = list(samples.files_at(place))
                if not files:
                    self.report.add(at, f"the folder {str(place)!r} holds no file named *{samples.SUFFIX}")
                for file in files:
                    if (other := first.setdefault(file.stem, file)) != file:
                        self.report.add(at, f"{str(other)!r} has the same name as {str(file)!r}; rename one of them")
                    yield samples.read(file)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not a file"
                self.report.add(at, f"{str(place)!r} cannot be read: {reason}")

    def _source(self, path: Path, private: Mapping[str, Vendor | None]) -> Source | None:
        written = self.report.read(schema.SOURCE, path)
        vendor = self._vendor_of[str(path[-1])] = self._find_vendor((*path, "vendor"), private)
        options = self._options((*path, "options"), vendor) if vendor else None
        if written is None or vendor is None:
            return None
        scheme = self._scheme(path, written, vendor)
        secrets = _secrets(written)
        self._proof(path, written, vendor, scheme, secrets)
        if options is None or (scheme is None and written.verify != "none"):
            return None
        return Source(
            name=str(path[-1]),
            vendor=vendor,
            options=options,
            verify=written.verify,
            scheme=None if written.verify == "none" else scheme,
            secrets=secrets,
            allow_from=written.allow_from or (),
            rate=written.rate,
            expect_every=written.expect_every,
            dedupe_window=written.dedupe_window,
            max_body=written.max_body,
            tests=written.tests,
        )

    def _find_vendor(self, path: Path, private: Mapping[str, Vendor | None]) -> Vendor | None:
        name = next((text for _, text in self.report.texts(path)), "")
        if not name:
            return None
        builtin = vendors.names()
        if name in builtin:
            return vendors.load(name)
        if name in private:
            return private[name]
        self.report.add(path, f"no vendor named {quoted(name)}{meant(name, [*builtin, *private])}")
        return None

    def _scheme(self, path: Path, written: schema.Source, vendor: Vendor) -> Scheme | None:
        override = written.signature
        if override is None:
            return vendor.signature
        base = vendor.signature
        if override.variant is not None:
            base = vendor.signatures.get(override.variant)
            if base is None:
                there = ", ".join(vendor.signatures) or "none"
                text = f"vendor {vendor.name!r} has no variant {quoted(override.variant)}; there is {there}"
                self.report.add((*path, "signature", "variant"), text)
                return None
        try:
            if base is not None:
                return base.with_(override)
            return Scheme.model_validate(override.model_dump(exclude_unset=True, exclude_none=True))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            text = str(first.get("ctx", {}).get("error") or f"the key {first['loc'][-1]!r} is missing")
            self.report.add((*path, "signature"), text, key=True)
            return None

    def _proof(
        self, path: Path, written: schema.Source, vendor: Vendor, scheme: Scheme | None, secrets: tuple[str, ...]
    ) -> None:
        """A door is closed, or it says that it is open, which is said again at every start."""
        if written.verify == "none":
            unused = [key for key in ("secret", "signature") if getattr(written, key) is not None]
            for key in unused:
                text = "is never used with 'verify: none', which lets everybody in; remove one of the two"
                self.report.add((*path, key), text, key=True)
            if not unused and not written.allow_from:
                self.report.add((*path, "verify"), OPEN["none"], warning=True)
            return
        if scheme is None and written.signature is None:
            text = f"vendor {vendor.name!r} signs nothing; say how with 'signature', or 'verify: none' for an open door"
            self.report.add(path, text, key=True)
        elif not secrets:
            text = "needs the key 'secret'; without one anybody could post here ('verify: none' if that is meant)"
            self.report.add(path, text, key=True)
        elif written.verify == "shadow":
            self.report.add((*path, "verify"), OPEN["shadow"], warning=True)
        for index, secret in enumerate(secrets if scheme else ()):
            try:
                scheme and matcher(scheme, secret)
            except ValueError as error:
                listed = isinstance(written.secret, tuple)
                self.report.add((*path, "secret", index) if listed else (*path, "secret"), str(error))

    def _options(self, path: Path, vendor: Vendor) -> VendorOptions | None:
        self._option_keys[path] = set(vendor.options.model_fields)
        if self.report.value(path) is None:
            return vendor.options()
        options = self.report.read(_adapter(vendor.options), path)
        self._expressions((*path, "result"))
        if options is not None:
            for name in type(options).model_fields:
                text = getattr(options, name)
                if name.endswith("_when") and text:
                    self._expression((*path, name), text)
        return options

    # ------------------------------------------------------------------------------ Jinja

    def _expressions(self, path: Path, names: tuple[str, ...] = ("payload",)) -> None:
        fields = self.report.value(path)
        for field in fields if isinstance(fields, dict) else ():
            for at, text in self.report.texts((*path, field)):
                if "{{" in text or "{%" in text:
                    self._expression(at, text, names)

    def _expression(self, path: Path, text: str, names: tuple[str, ...] = ("payload",)) -> None:
        try:
            compile_expression(text, names=names)
        except RenderError as error:
            self._refused(path, error)

    def _refused(self, path: Path, error: RenderError) -> None:
        """What Jinja says of a text names words of it, and those of one that was filled in may be a secret's."""
        filled = path in self.report.filling.variables
        self.report.add(path, "is not an expression that can be used" if filled else error.detail)

    def _conditions(self) -> dict[str, Condition]:
        return self._compiled("when", compile_condition)

    def _thread_keys(self) -> dict[str, KeyOf]:
        return self._compiled("thread_key", compile_thread_key)

    def _compiled(self, key: str, compile_: Callable[[str], T]) -> dict[str, T]:
        """By the routes' names. Those of routes that are broken otherwise are compiled too, to tell their mistakes."""
        compiled: dict[str, T] = {}
        routes = self.report.value(("routes",))
        for index in range(len(routes) if isinstance(routes, list) else 0):
            text = self.report.value(("routes", index, key))
            if isinstance(text, str):
                try:
                    compiled[str(self.report.value(("routes", index, "name")))] = compile_(text)
                except RenderError as error:
                    self._refused(("routes", index, key), error)
        return compiled


@cache
def _adapter(options: type[VendorOptions]) -> TypeAdapter[VendorOptions]:
    return TypeAdapter(options)


def _secrets(written: schema.Source) -> tuple[str, ...]:
    secrets = (written.secret,) if isinstance(written.secret, SecretStr) else written.secret or ()
    return tuple(secret.get_secret_value() for secret in secrets)
