"""What scores text without a judge: sentence embeddings, similarity and grammar checkers."""
