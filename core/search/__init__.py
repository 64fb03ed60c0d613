"""Search: texts as tokens (`words`), what people type (`wanted`), indexing (`index`), finding (`find`)."""
