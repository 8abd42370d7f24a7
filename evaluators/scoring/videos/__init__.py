"""What is special about videos: how clips are read, aligned and measured."""
