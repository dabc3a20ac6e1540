"""CaptionQA: is a caption enough to answer questions about its image?"""
