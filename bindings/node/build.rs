//! Sets the linker options for an addon, whose Node-API symbols are resolved when Node loads it.

fn main() {
    napi_build::setup();
}
