"""The daemon of Stylized: the engine that paints, and the service that lets programs ask it to."""
