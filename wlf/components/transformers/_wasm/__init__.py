"""The parts of the Wasm transformer: the interface of plugins, the engine, instances, lines and answers."""
