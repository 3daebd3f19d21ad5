"""Alert rules as data: facts in, alarms out. `rules` reads them, `facts` forms what they read, `engine` decides, `store` keeps."""
