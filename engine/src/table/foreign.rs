//! [`foreign_table`] and [`foreign_catalog`]: tables across the border of a library.
//!
//! Two libraries of one process, each with a DataFusion of its own, share no types of Rust. What crosses the border has
//! the layout of C, of one major version of DataFusion: whoever hands it on has to compare these versions.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::{TableReference, not_impl_err, plan_err};
use datafusion::error::Result;
use datafusion::execution::{TaskContext, TaskContextProvider};
use datafusion::logical_expr::{
    ColumnarValue, Extension, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion_ffi::catalog_provider::FFI_CatalogProvider;
use datafusion_ffi::table_provider::FFI_TableProvider;
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use tokio::runtime::Handle;

use crate::{Chain, Session};

/// The rows of a chain as what a `PyCapsule` named `datafusion_table_provider` holds. Work that awaits goes on `runtime`.
#[must_use]
pub fn foreign_table(chain: &Chain, runtime: &Handle) -> impl Send + use<> + 'static {
    let _entered = runtime.enter();
    let (session, codec) = (told(chain.session()), Some(Arc::new(Names) as _));
    FFI_TableProvider::new(chain.table(), true, Some(runtime.clone()), &session, codec)
}

/// All datasets as what a `PyCapsule` named `datafusion_catalog_provider` holds.
#[must_use]
pub fn foreign_catalog(session: &Arc<Session>, runtime: &Handle) -> impl Send + use<> + 'static {
    let _entered = runtime.enter();
    let (context, codec) = (told(session), Some(Arc::new(Names) as _));
    let provider = session.catalog_provider();
    FFI_CatalogProvider::new(provider, Some(runtime.clone()), &context, codec)
}

/// The session as what knows the functions of filters; the table keeps it.
fn told(session: &Arc<Session>) -> Arc<dyn TaskContextProvider> {
    Arc::clone(session) as _
}

impl TaskContextProvider for Session {
    fn task_ctx(&self) -> Arc<TaskContext> {
        self.state().task_ctx()
    }
}

/// Functions cross the border by their names. One that is not known here is no error: a filter with it is left to the
/// other side.
#[derive(Debug)]
struct Names;

impl LogicalExtensionCodec for Names {
    fn try_decode(
        &self,
        _text: &[u8],
        _inputs: &[LogicalPlan],
        _context: &TaskContext,
    ) -> Result<Extension> {
        not_impl_err!("steps of a plan across the border of a library")
    }

    fn try_encode(&self, _node: &Extension, _text: &mut Vec<u8>) -> Result<()> {
        not_impl_err!("steps of a plan across the border of a library")
    }

    fn try_decode_table_provider(
        &self,
        _text: &[u8],
        _table: &TableReference,
        _schema: SchemaRef,
        _context: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        not_impl_err!("tables in filters across the border of a library")
    }

    fn try_encode_table_provider(
        &self,
        _table: &TableReference,
        _provider: Arc<dyn TableProvider>,
        _text: &mut Vec<u8>,
    ) -> Result<()> {
        not_impl_err!("tables in filters across the border of a library")
    }

    fn try_decode_udf(&self, name: &str, _text: &[u8]) -> Result<Arc<ScalarUDF>> {
        let signature = Signature::variadic_any(Volatility::Volatile);
        Ok(Arc::new(ScalarUDF::from(Unknown { name: name.to_owned(), signature })))
    }
}

/// A function of the other side.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Unknown {
    name: String,
    signature: Signature,
}

impl ScalarUDFImpl for Unknown {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        plan_err!("`{}` is a function of another query engine", self.name)
    }
}
