//! Plugins: checked, compiled, loaded, and ready to be instantiated for a call.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use claviger_manifest::{Limits, Manifest, Tool, ToolName, VerifiedPackage};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::compiled::{Authentic, Cache, HostKey, Origin};
use crate::compiler::{Compiler, Report};
use crate::door::plugin::PluginPre;
use crate::error::InstallError;
use crate::guest::Guest;
use crate::schema::Schema;
use crate::ticker::Ticker;
use crate::{deserialize, door, imports, pool};

/// The largest component, in bytes: a Rust plugin takes a tenth of a MiB, one with an interpreter up to 20.
const MAX_COMPONENT: usize = 32 << 20;
/// What a component must export, and the kind of it.
const CALL: (&str, &str) = ("call", "func");

/// Where plugins run. One for each host.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<Guest>,
    ticker: Arc<Ticker>,
    compiler: Compiler,
    cache: Cache,
}

/// A plugin that is loaded. It holds code and schemas, and nothing of any call.
pub struct Prepared {
    pub(crate) pre: PluginPre<Guest>,
    pub(crate) limits: Limits,
    pub(crate) tools: BTreeMap<ToolName, Schemas>,
    /// How many calls of it may run at once.
    pub(crate) slots: Semaphore,
    pub(crate) ticker: Arc<Ticker>,
}

/// The schemas of one tool.
pub(crate) struct Schemas {
    pub(crate) input: Schema,
    pub(crate) output: Option<Schema>,
}

impl Sandbox {
    /// Sets the sandbox up.
    ///
    /// # Errors
    /// [`InstallError::Sandbox`] when the machine cannot run it.
    pub fn new(compiler: Compiler, cache: impl Into<PathBuf>, key: HostKey) -> Result<Self, InstallError> {
        let broken = |why: String| InstallError::Sandbox(why);
        let engine = pool::engine().map_err(|error| broken(format!("{error:#}")))?;
        let linker = door::linker(&engine).map_err(|error| broken(format!("{error:#}")))?;
        let ticker = Ticker::start(&engine).map_err(|error| broken(error.to_string()))?;
        Ok(Self { engine, linker, ticker, compiler, cache: Cache::new(cache.into(), key) })
    }

    /// Reads what a component imports and exports, and refuses what the door does not offer. Nothing is compiled.
    ///
    /// # Errors
    /// [`InstallError`], naming the import.
    pub async fn inspect(&self, component: &[u8]) -> Result<Report, InstallError> {
        if component.len() > MAX_COMPONENT {
            return Err(InstallError::TooLarge { size: component.len(), limit: MAX_COMPONENT });
        }
        if Engine::detect_precompiled(component).is_some() {
            return Err(InstallError::Precompiled);
        }
        if !component.starts_with(b"\0asm") {
            return Err(InstallError::NotAComponent);
        }
        let report = self.compiler.report(component).await?;
        let strangers = report.imports.iter().filter(|import| !imports::is_offered(&import.name, &import.kind));
        let strangers: Vec<String> = strangers.map(|import| crate::text::tame(&import.name, 200)).collect();
        if !strangers.is_empty() {
            return Err(InstallError::Import { advice: imports::advice(&strangers), imports: strangers });
        }
        let has_call = report.exports.iter().any(|export| (export.name.as_str(), export.kind.as_str()) == CALL);
        if has_call { Ok(report) } else { Err(InstallError::NoCall) }
    }

    /// Loads a plugin for the first time: also compiles every schema, whatever the cache holds, since the cache knows
    /// component and manifest only.
    ///
    /// # Errors
    /// [`InstallError`]: which check the package failed.
    pub async fn install(&self, package: &VerifiedPackage) -> Result<Prepared, InstallError> {
        schemas(package)?.iter().try_for_each(|(name, schemas)| schemas.check(name))?;
        self.load(package).await
    }

    /// Loads a plugin from the cache of compiled code, or compiles it whenever the cached form is not this host's own.
    ///
    /// # Errors
    /// [`InstallError`]: which check the component failed.
    pub async fn load(&self, package: &VerifiedPackage) -> Result<Prepared, InstallError> {
        let tools = schemas(package)?;
        let manifest = package.manifest();
        let origin = Origin { component: &manifest.plugin.component, manifest: package.manifest_digest() };
        self.prepare(package.component(), &origin, manifest.limits.clone(), tools).await
    }

    /// The part of [`Sandbox::load`] that knows nothing of signatures.
    pub(crate) async fn prepare(
        &self,
        component: &[u8],
        origin: &Origin<'_>,
        limits: Limits,
        tools: BTreeMap<ToolName, Schemas>,
    ) -> Result<Prepared, InstallError> {
        let cached = self.cache.open(origin).and_then(|code| self.link(&code).ok());
        let pre = match cached {
            Some(pre) => pre,
            None => self.compile(component, origin).await?,
        };
        let slots = Semaphore::new(pool::MAX_CALLS_OF_A_PLUGIN);
        Ok(Prepared { pre, limits, tools, slots, ticker: Arc::clone(&self.ticker) })
    }

    async fn compile(&self, component: &[u8], origin: &Origin<'_>) -> Result<PluginPre<Guest>, InstallError> {
        let report = self.inspect(component).await?;
        let code = self.compiler.compile(component).await?;
        self.cache.write(origin, &report.engine, &code)?;
        let unreadable = || InstallError::Cache(std::io::Error::other("what was written does not verify"));
        let code = self.cache.open(origin).ok_or_else(unreadable)?;
        self.link(&code)
    }

    /// Code, with every import tied to the door; wrong types are found here.
    fn link(&self, code: &Authentic) -> Result<PluginPre<Guest>, InstallError> {
        let component = deserialize::component(&self.engine, code)
            .map_err(|error| InstallError::Compiler(format!("what it made does not load: {error:#}")))?;
        let linked = self.linker.instantiate_pre(&component).and_then(PluginPre::new);
        linked.map_err(|error| InstallError::Door(crate::text::tame(&format!("{error:#}"), 500)))
    }
}

impl Prepared {
    /// The limits of its manifest.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl Schemas {
    /// At install: a schema that cannot be compiled is the author's to mend, not the caller's to stumble over.
    fn check(&self, name: &ToolName) -> Result<(), InstallError> {
        let compiled = |what, schema: &Schema| {
            let compiled = schema.compile().map(|_| ());
            compiled.map_err(|why| InstallError::Schema { tool: name.clone(), what, why })
        };
        compiled("input", &self.input)?;
        self.output.as_ref().map_or(Ok(()), |output| compiled("output", output))
    }
}

fn schemas(package: &VerifiedPackage) -> Result<BTreeMap<ToolName, Schemas>, InstallError> {
    let manifest: &Manifest = package.manifest();
    manifest.tools.iter().map(|(name, tool)| Ok((name.clone(), tool_schemas(package, name, tool)?))).collect()
}

fn tool_schemas(package: &VerifiedPackage, name: &ToolName, tool: &Tool) -> Result<Schemas, InstallError> {
    let compile = |what, path: &String| {
        let text = package.schema(path).ok_or_else(|| "the package has no such file".to_owned());
        let schema = text.and_then(Schema::read);
        schema.map_err(|why| InstallError::Schema { tool: name.clone(), what, why })
    };
    Ok(Schemas {
        input: compile("input", &tool.input)?,
        output: tool.output.as_ref().map(|path| compile("output", path)).transpose()?,
    })
}
