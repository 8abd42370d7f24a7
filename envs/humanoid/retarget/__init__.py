"""A person's key points become joint angles of a robot, by Adam over its forward kinematics."""
